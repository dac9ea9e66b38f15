"""An engine in plain Python, standard library only, on the JSON wire: python client.py FEED_URL ORDERS_URL

Its strategy: at every fifth diff of a symbol, buy and sell in turn, 3 lots at the best price of the other side. It says what it
did as one JSON line: orders, fills and position by symbol.
"""

import base64
import json
import os
import socket
import struct
import sys
from decimal import Decimal
from urllib.parse import urlsplit

EVERY, LOTS = 5, 3
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class WebSocket:
    """As much of RFC 6455 as a client of the exchange needs."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file, self.close_code = self.socket.makefile("rb"), None
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        status = self.file.readline()
        while self.file.readline() not in (b"\r\n", b""):
            pass
        if b" 101 " not in status:
            reason = self.file.read().decode().strip()
            self.drop()
            raise ConnectionError(f"{status.decode().strip()}: {reason}")

    def receive(self):
        """The next message; None once the other side closes."""
        while True:
            head = self.file.read(2)
            if len(head) < 2:
                return None
            length = head[1] & 127
            if length > 125:
                length = int.from_bytes(self.file.read(2 if length == 126 else 8), "big")
            payload = self.file.read(length)
            if head[0] & 15 == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big")
                return None
            if head[0] & 15 == PING:
                self.send(payload, PONG)
            else:
                return payload

    def send(self, payload, opcode=TEXT):
        mask = os.urandom(4)
        size = struct.pack("!B", 128 | len(payload)) if len(payload) < 126 else struct.pack("!BH", 128 | 126, len(payload))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(bytes([128 | opcode]) + size + mask + masked)

    def close(self):
        self.send(struct.pack("!H", 1000), CLOSE)
        self.drop()

    def drop(self):
        self.file.close()
        self.socket.close()


class Symbol:
    """One symbol's book, and the strategy on it."""

    def __init__(self, terms):
        self.name, self.terms = terms["symbol"], terms
        self.sides, self.last, self.diffs, self.sequence = ({}, {}), None, 0, 0

    def apply(self, bids, asks):
        for side, levels in zip(self.sides, (bids, asks), strict=True):
            for price, quantity in levels:
                if float(quantity):
                    side[Decimal(price)] = quantity
                else:
                    side.pop(Decimal(price), None)

    def on_snapshot(self, data):
        self.sides, self.last = ({}, {}), data["lastUpdateId"]
        self.apply(data["bids"], data["asks"])

    def on_diff(self, data):
        """The price and side of an order, or None."""
        if data["u"] <= self.last:
            return None
        assert data["U"] <= self.last + 1 or data.get("pu") == self.last or self.diffs == 0, "gap"
        self.apply(data["b"], data["a"])
        self.last, self.diffs = data["u"], self.diffs + 1
        if self.diffs % EVERY:
            return None
        self.sequence += 1
        side = self.sequence % 2  # sells first, then in turn
        return side, max(self.sides[0]) if side else min(self.sides[1])


def main(feed_url, orders_url):
    orders, feed = WebSocket(orders_url), WebSocket(feed_url)
    json.loads(orders.receive())
    symbols = {terms["symbol"].lower(): Symbol(terms) for terms in json.loads(feed.receive())["symbols"]}
    session, counter = int.from_bytes(os.urandom(4), "big") or 1, 0
    while (message := json.loads(feed.receive())).get("type") != "end":
        name, _, stream = message["stream"].partition("@")
        if stream == "snapshot":
            symbols[name].on_snapshot(message["data"])
        elif stream.startswith("depth") and (decided := symbols[name].on_diff(message["data"])):
            counter += 1
            of, (side, price) = symbols[name], decided
            order = {"id": session << 32 | counter, "symbol": of.name, "side": side, "quantity": LOTS, "price": float(price)}
            order["timestamp_ns"] = 0
            orders.send(json.dumps({"type": "order", "cause": of.last, "sequence": of.sequence, "order": order}).encode())
    done, position = dict.fromkeys(("fill", "expired", "reject"), 0), dict.fromkeys((of.name for of in symbols.values()), 0)
    while sum(done.values()) < counter:
        report = json.loads(orders.receive())
        if report["type"] in done:
            done[report["type"]] += 1
            position[report["symbol"]] += -report["lots"] if report["side"] else report["lots"]
    orders.close()
    feed.drop()
    print(json.dumps({"orders": counter, **done, "position": position}))


if __name__ == "__main__":
    main(*sys.argv[1:])
