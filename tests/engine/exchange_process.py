"""The exchange in a process of its own, and what tests say to it."""

import json
import subprocess
import sys

from engine.client import WebSocket
from tickbench.components.codec.contract import Order
from tickbench.engine import protocol
from tickbench.engine.exchange.books import TapeBooks
from tickbench.engine.exchange.tape import DIFF, open_tape

SMALL = "synthetic:events=40"
BINARY = 2


class ExchangeProcess:
    """`tickbench exchange start`, listening on a free port; leaves no process behind."""

    def __init__(self, folder, *arguments, capture=SMALL):
        self.path, self._sockets = folder / "result.json", []
        command = [sys.executable, "-m", "tickbench", "exchange", "start", "--json", "--capture", str(capture)]
        if "-o" not in arguments:
            arguments = (*arguments, "-o", str(self.path))
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.listening = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self._sockets:
            one.drop()
        self.process.kill()
        self.process.communicate()

    def feed(self, query="wire=json"):
        """A feed connection and its hello."""
        return self._connected(f"{self.listening['feed_url']}?{query}")

    def orders(self, query="wire=json"):
        """An orders connection."""
        return self._connected(f"{self.listening['orders_url']}?{query}")[0]

    def _connected(self, url):
        self._sockets.append(WebSocket(url))
        return self._sockets[-1], json.loads(self._sockets[-1].receive())

    def end(self):
        """Exit status, stderr and the result as it was written."""
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors, json.loads(self.path.read_text())


def frames_until_end(feed):
    """All messages up to the end, and the end."""
    frames = []
    while True:
        message = feed.receive()
        if message.startswith(b'{"type":"end"'):
            return frames, json.loads(message)
        frames.append(message)


def order(counter, sequence, cause, *, symbol="SYNTH", side=0, quantity=1, price=70_000.0, session=7, stamp=0):
    inner = Order(session << 32 | counter, symbol, side, quantity, price, stamp)
    return protocol.OrderMessage(inner, cause, sequence)


def send(orders, message, wire="json"):
    orders.send(protocol.encode_order(message, wire), 1 if wire == "json" else BINARY)


def report(orders, wire="json"):
    return protocol.decode_report(orders.receive(), wire)


def oracle(capture, every=5, lots=3):
    """What the example clients' strategy does on a tape, reckoned without any network: orders, fills, position, by symbol."""
    books = TapeBooks(open_tape(str(capture)))
    diffs = orders = position = fills = 0
    for place, frame in enumerate(books.tape.frames):
        if place == 0 or frame.kind != DIFF:
            continue
        diffs += 1
        if diffs % every:
            continue
        orders += 1
        bid_lots, ask_lots = books.quotes[place][1], books.quotes[place][3]
        position += -min(lots, bid_lots) if orders % 2 else min(lots, ask_lots)
        fills += 1
    return {"orders": orders, "fill": fills, "position": position}
