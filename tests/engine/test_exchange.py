"""The exchange as a process on the loopback interface: both example clients, every rule of PROTOCOL.md, every fault."""

import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import feed_samples as samples
from engine.client import WebSocket
from engine.exchange_process import SMALL, ExchangeProcess, frames_until_end, oracle, order, report, send
from tickbench.engine import protocol
from tickbench.engine.exchange.schedule import FaultySender, parse_faults
from tickbench.engine.exchange.tape import DIFF, open_tape

FOLDER = Path(__file__).parent
FAST = ("--times", "constant:2000", "--delay-us", "200")
CALM = ("--times", "constant:2", "--delay-us", "200")  # for tests that only send orders


def test_both_example_clients_do_what_a_replay_without_network_does(tmp_path):
    """A C engine on the binary wire, a Python engine on the JSON wire, and the oracle: the same orders and positions."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    client = tmp_path / "client"
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-o", client, FOLDER / "client.c"], check=True, timeout=60)
    digests = []
    for wire, command in (("binary", [client]), ("json", [sys.executable, FOLDER / "client.py"])):
        with ExchangeProcess(tmp_path, *FAST, capture="synthetic:events=80") as exchange:
            urls = [f"{exchange.listening[name]}?wire={wire}" for name in ("feed_url", "orders_url")]
            said = json.loads(subprocess.run([*command, *urls], check=True, capture_output=True, text=True, timeout=30).stdout)
            status, errors, result = exchange.end()
        assert status in (0, 3), errors  # 3: this machine was too busy to keep the plan
        expected = oracle("synthetic:events=80")
        assert (said["orders"], said["fill"]) == (expected["orders"], expected["fill"])
        assert result["symbols"][0]["position_lots"] == expected["position"]
        assert result["symbols"][0]["ticks_without_answer"] == 79 - expected["orders"]
        for name in ("tick_to_order", "order_to_fill", "tick_to_fill", "fill_lateness"):
            assert result["distributions"][name]["count"] == expected["orders"]
        assert result["distributions"]["order_to_fill"]["percentiles_ns"]["50"] >= 200_000
        assert all(one["negative"] == 0 for one in result["distributions"].values())
        digests.append(result["digest"])
    assert digests[0] == digests[1]


def test_several_symbols_begin_at_different_places_and_end_where_the_end_says(tmp_path):
    with ExchangeProcess(tmp_path, *FAST, "--symbols", 3) as exchange:
        orders = exchange.orders()
        feed, hello = exchange.feed("wire=binary&symbols=SYM1,SYM3")
        assert [one["symbol"] for one in hello["symbols"]] == ["SYM1", "SYM3"]
        frames, end = frames_until_end(feed)
        orders.close()
        status, errors, result = exchange.end()
    assert status in (0, 3), errors
    decoded = [protocol.decode_feed(frame) for frame in frames]
    for symbol, of in zip(("SYM1", "SYM3"), (result["symbols"][0], result["symbols"][2]), strict=True):
        mine = [one for one in decoded if one.body.symbol == symbol]
        assert [one.number for one in mine] == list(range(of["start_frame"] - 1, of["start_frame"] + 39))
        assert mine[0].is_snapshot
        assert mine[-1].body.final_update_id == end["final_update_ids"][symbol] == of["final_update_id"]
    assert len({one["start_frame"] for one in result["symbols"]}) == 3
    assert result["symbols"][1]["frames_unsent"] == 39


def test_every_wrong_message_has_a_defined_answer(tmp_path):
    with ExchangeProcess(tmp_path, *CALM) as exchange:
        orders, (feed, _) = exchange.orders(), exchange.feed()
        cause = json.loads(feed.receive())["data"]["lastUpdateId"]
        good = order(1, 1, cause)
        for bad in (b"", b"{}", b"[" * 500, protocol.encode_order(good, "binary")):
            orders.send(bad)
            assert report(orders).reason == protocol.MALFORMED
        orders.send(protocol.encode_order(good, "json"), 2)
        assert report(orders).reason == protocol.MALFORMED, "a binary frame on the JSON wire"
        send(orders, order(1, 1, cause, symbol="NONE"))
        assert report(orders).reason == protocol.UNKNOWN_SYMBOL
        send(orders, order(1, 1, cause + 1_000_000))
        assert report(orders).reason == protocol.UNKNOWN_CAUSE
        for _ in range(2):
            send(orders, order(2, 2, cause))
        assert sorted(report(orders).kind for _ in range(3)) == [protocol.ACK, protocol.ACK, protocol.FILL]
        send(orders, order(2, 2, cause, quantity=9))
        assert report(orders).reason == protocol.ID_REUSED
        other = exchange.orders("wire=binary")
        send(other, order(2, 2, cause), "binary")
        again = report(other, "binary")
        assert (again.kind, again.resent) == (protocol.FILL, True), "the outcome is told on any connection"
        orders.send(b" " * 2_000)
        assert orders.receive() is None
        assert orders.close_code == protocol.CLOSE_TOO_BIG
        send(other, order(3, 3, cause), "binary")
        assert report(other, "binary").kind == protocol.ACK, "the others are not disturbed"
        exchange.process.send_signal(signal.SIGTERM)
        status, _, result = exchange.end()
    counts = result["orders"]
    assert status == 130
    assert result["reason"] == "interrupted"
    assert (counts["orders"], counts["resent"], counts["malformed"], counts["oversized"], counts["fills"]) == (3, 2, 5, 1, 2)
    assert counts["refused"] == {"unknown_symbol": 1, "id_reused": 1}
    assert counts["rejected"] == {"unknown_cause": 1}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/nothing", "404"),
        ("/feed?symbols=NONE", "400"),
        ("/feed?symbols=SYNTH,SYNTH", "400"),
        ("/feed?wire=xml", "400"),
        ("/feed?from=SYNTH", "400"),
        ("/feed?color=red", "400"),
        ("/orders?wire=json&wire=json", "400"),
        ("/orders?on_disconnect=panic", "400"),
    ],
)
def test_a_wrong_target_is_refused_in_one_line(waiting_exchange, target, status):
    url = waiting_exchange.listening["feed_url"].removesuffix("/feed") + target
    with pytest.raises(ConnectionError, match=f"{status} .*: [^\n]+$"):
        WebSocket(url)


@pytest.fixture(scope="module")
def waiting_exchange(tmp_path_factory):
    with ExchangeProcess(tmp_path_factory.mktemp("waiting"), "--feed-only", "--times", "constant:1") as exchange:
        yield exchange


def test_bytes_that_are_no_http_do_not_disturb_it(waiting_exchange):
    host, port = waiting_exchange.listening["feed_url"].removeprefix("ws://").removesuffix("/feed").split(":")
    for rubbish in (b"\x00" * 100, b"GET / HTTP/1.1\r\n" + b"x" * 50_000):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(rubbish)
    assert waiting_exchange.orders() is not None


def test_a_feed_goes_on_where_it_was_lost_or_begins_with_a_snapshot(tmp_path):
    with ExchangeProcess(tmp_path, *FAST, "--feed-only", "--symbols", 2, "--times", "constant:200") as exchange:
        first, _ = exchange.feed("wire=binary")
        seen = [protocol.decode_feed(first.receive()) for _ in range(20)]
        first.drop()
        last = {one.body.symbol: one for one in seen}
        resumed, _ = exchange.feed(f"wire=binary&from=SYM1:{last['SYM1'].body.final_update_id}")
        frames, _ = frames_until_end(resumed)
        *_, result = exchange.end()
    found = [protocol.decode_feed(frame) for frame in frames]
    numbers = {name: [one.number for one in found if one.body.symbol == name] for name in ("SYM1", "SYM2")}
    assert numbers["SYM1"][0] == last["SYM1"].number + 1
    for found_numbers in numbers.values():
        assert np.all(np.diff(found_numbers) == 1), "nothing lost, nothing twice"
    assert next(one for one in found if one.body.symbol == "SYM2").is_snapshot
    assert result["links"]["resumptions"] == 1
    assert result["symbols"][0]["frames_sent"] == result["symbols"][0]["frames_due"]


def test_a_consumer_that_does_not_read_is_closed_and_counted_and_the_others_go_on(tmp_path):
    options = ("--times", "constant:4000", "--duration", 1, "--queue-bytes", 200_000)
    with ExchangeProcess(tmp_path, *options) as exchange:
        slow, (reader, _) = exchange.feed()[0], exchange.feed("wire=binary")
        orders = exchange.orders()
        frames, _ = frames_until_end(reader)
        orders.close()
        received = 0
        while (message := slow.receive()) is not None and not message.startswith(b'{"type":"end"'):
            received += 1
        _, errors, result = exchange.end()
    assert (result["links"]["slow_consumers"], errors) == (1, "")
    assert slow.close_code == protocol.CLOSE_SLOW_CONSUMER
    assert received < len(frames) == 1 + result["frames"]


def test_an_exchange_that_is_killed_leaves_its_clients_an_end_of_file_and_no_half_result(tmp_path):
    with ExchangeProcess(tmp_path, *FAST, "--feed-only", "--times", "constant:100") as exchange:
        feed, hello = exchange.feed()
        feed.receive()
        exchange.process.kill()
        while feed.receive() is not None:
            pass
        exchange.process.wait()
    assert feed.close_code is None, "no close frame: the connection broke"
    assert not exchange.path.exists()
    with ExchangeProcess(tmp_path) as again:
        _, other = again.feed()
    assert hello["run"] != other["run"], "a client sees that its orders are not known any more"


def test_faults_of_the_feed_are_seen_in_the_numbers_and_counted(tmp_path):
    faults = "gap:7,duplicate:9,reorder:10"
    with ExchangeProcess(tmp_path, *FAST, "--feed-only", "--fault", faults) as exchange:
        feed, _ = exchange.feed("wire=binary")
        frames, _ = frames_until_end(feed)
        *_, result = exchange.end()
    numbers = [protocol.decode_feed(frame).number for frame in frames]
    sender = FaultySender(parse_faults(faults))
    expected = [0, *itertools.chain.from_iterable(sender.outgoing(number, DIFF) for number in range(1, 40)), *sender.held()]
    assert numbers == expected
    of = result["symbols"][0]
    assert of["faults_injected"] == {"gap": 5, "duplicate": 4, "reorder": 3}
    assert of["frames_sent"] == len(set(numbers)) - 1
    assert of["frames_repeated"] == len(numbers) - len(set(numbers)) == 4


def test_a_frame_of_40_kilobytes_and_a_burst_arrive_whole(tmp_path):
    levels = [(f"{60_000 + i}.10", "1.000") for i in range(2_000)]
    frames = [samples.snapshot(1, bids=[("59999.9", "1.0")], asks=[("90000.0", "1.0")])]
    frames += [samples.diff(n, n, asks=levels, previous=n - 1) for n in range(2, 60)]
    path = samples.write_capture(tmp_path / "big.jsonl", frames)
    assert len(open_tape(str(path)).frames[1].text) > 40_000
    with ExchangeProcess(tmp_path, "--feed-only", "--times", "burst:100,50,1000000", capture=path) as exchange:
        feed, _ = exchange.feed()
        texts, _ = frames_until_end(feed)
        *_, result = exchange.end()
    assert texts[1:] == [frame.text for frame in open_tape(str(path)).frames[1:]]
    assert result["symbols"][0]["frames_unsent"] == 0
    assert result["distributions"]["lag"]["count"] == 58


def test_a_full_disk_costs_no_result(tmp_path):
    with ExchangeProcess(tmp_path, *FAST, "--feed-only", "-o", "/dev/full") as exchange:
        feed, _ = exchange.feed()
        frames_until_end(feed)
        output, errors = exchange.process.communicate(timeout=20)
    assert exchange.process.returncode == 2
    assert errors == "tickbench: cannot write the result to /dev/full: No space left on device; it is printed instead\n"
    assert json.loads(output)["frames"] == 39


def test_a_port_in_use_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "tickbench", "exchange", "start", "--capture", SMALL, "--port", port]
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in found.stderr


def test_only_monotonic_clocks_are_read():
    """A step of the wall clock cannot move what nobody reads."""
    folder = Path(sys.modules["tickbench.engine"].__file__).parent
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not any(clock in text for clock in ("time.time", "datetime", "CLOCK_REALTIME", "gettimeofday")), path
