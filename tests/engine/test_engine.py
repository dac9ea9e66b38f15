"""The engine as a process against the exchange as a process: profiles, faults, what a killed engine leaves."""

import signal
import socket
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from engine.engine_process import EngineProcess, wait_until
from engine.exchange_process import ExchangeProcess
from tickbench.probe import PageReader

FEED = "synthetic:events=200"
FAST, SLOW = ("--times", "constant:400"), ("--times", "constant:100")
AFTER = ("--profile", "after")


@contextmanager
def pair(folder, times, *faults, engine=AFTER):
    """An exchange and an engine that talk to each other."""
    with (
        ExchangeProcess(folder, *times, *faults, capture=FEED) as exchange,
        EngineProcess(exchange.listening, *engine) as started,
    ):
        yield exchange, started


def wait_orders(engine, number=1):
    """Until the page says that the engine has sent so many orders."""
    with PageReader(Path(engine.started["page"])) as reader:
        assert wait_until(lambda: reader.snapshot()["orders"].value >= number)


@pytest.mark.parametrize("arguments", [AFTER, (*AFTER, "--transport", "picows"), ("--profile", "before")])
def test_exchange_and_engine_come_to_the_same_digest(tmp_path, arguments):
    with pair(tmp_path, FAST, engine=arguments) as (exchange, engine):
        status, errors, result = engine.end()
        _, _, told = exchange.end()
    assert result["digest"] == told["digest"], errors
    assert (status, result["reason"], result["unsettled"], result["frames"]) == (0, "done", 0, 200)
    assert result["orders"] == told["orders"]["orders"] > 10
    assert {"parse", "order_book", "signal", "risk", "serialise", "send", "fill", "position"} <= set(result["times"])
    if result["transport"] == "spinning":
        assert result["allocations"] == 0


def test_a_stopped_engine_waits_for_its_outcomes_and_says_what_it_did(tmp_path):
    with pair(tmp_path, SLOW) as (_, engine):
        engine.wait_started()
        wait_orders(engine)
        engine.tell(signal.SIGTERM)
        status, _, result = engine.end()
    assert (status, result["reason"], result["unsettled"]) == (130, "interrupted", 0)
    assert result["counts"]["fills"] + result["counts"]["expired"] == result["orders"] >= 1


def test_the_page_of_a_killed_engine_can_still_be_read(tmp_path):
    with pair(tmp_path, SLOW) as (_, engine):
        page = Path(engine.wait_started()["page"])
        wait_orders(engine)
        engine.process.kill()
        engine.process.wait()
        with PageReader(page) as reader:
            snapshot = reader.snapshot()
            assert not reader.alive
        page.unlink()
    assert snapshot["message"].histogram.count > 0
    assert snapshot["receive_to_send"].histogram.count > 0


def test_a_gap_of_the_feed_is_mended_by_a_snapshot_and_makes_the_run_invalid(tmp_path):
    with pair(tmp_path, FAST, "--fault", "gap:60") as (_, engine):
        status, _, result = engine.end()
    assert (status, result["reason"]) == (3, "done")
    assert result["counts"]["gaps"] == result["links"]["resynced"] >= 1
    assert result["counts"]["snapshots"] == 1 + result["counts"]["gaps"]
    assert "gaps" in result["invalid"]


def test_duplicates_change_nothing(tmp_path):
    with pair(tmp_path, FAST, "--fault", "duplicate:20") as (exchange, engine):
        status, _, result = engine.end()
        _, _, told = exchange.end()
    assert (status, result["invalid"], result["digest"]) == (0, None, told["digest"])
    assert result["counts"]["late_frames"] >= 5


def test_a_lost_exchange_ends_the_run_with_a_reason(tmp_path):
    with pair(tmp_path, SLOW, "--delay-us", "200000", engine=(*AFTER, "--retry", "0.3")) as (exchange, engine):
        engine.wait_started()
        wait_orders(engine)
        exchange.process.kill()
        status, _, result = engine.end()
    assert status == 3
    assert result["reason"].startswith("exchange lost")
    assert result["links"]["lost"] >= 1


def test_the_kill_file_stops_orders_and_not_the_engine(tmp_path):
    kill_file = tmp_path / "kill"
    with pair(tmp_path, SLOW, engine=(*AFTER, "--kill-file", kill_file)) as (_, engine):
        engine.wait_started()
        wait_orders(engine)
        kill_file.touch()
        _, _, result = engine.end()
    assert result["killed"]
    assert result["counts"]["refused"]["killed"] >= 1
    assert (result["reason"], result["unsettled"], result["frames"]) == ("done", 0, 200)


class Cutter:
    """A relay before the exchange that can cut what it relays."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.target = parts.hostname, parts.port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.server.getsockname()[1]}{parts.path}"
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self.server.accept()
                both = client, socket.create_connection(self.target)
                self.connections.append(both)
                for source, sink in (both, both[::-1]):
                    threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    @staticmethod
    def _relay(source, sink):
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """End what stands now; new connections are relayed again."""
        for both in list(self.connections):
            for one in both:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("arguments", [AFTER, ("--profile", "before")])
def test_lost_connections_are_taken_up_again_no_order_is_executed_twice_and_no_fill_is_lost(tmp_path, arguments):
    with ExchangeProcess(tmp_path, *SLOW, "--delay-us", "30000", capture=FEED) as exchange:
        relays = {name: Cutter(exchange.listening[name]) for name in ("feed_url", "orders_url")}
        listening = {name: relay.url for name, relay in relays.items()}
        with EngineProcess(listening, *arguments) as engine:
            engine.wait_started()
            wait_orders(engine, 2)
            for relay in relays.values():
                relay.cut()
            status, _, result = engine.end()
        _, _, told = exchange.end()
    assert (status, result["reason"], result["unsettled"]) == (0, "done", 0), result
    assert result["links"]["lost"] >= 2
    assert result["digest"] == told["digest"]
    assert result["orders"] == told["orders"]["orders"]
    assert result["counts"]["fills"] == told["orders"]["fills"]


def test_no_exchange_is_one_line():
    nowhere = {"feed_url": "ws://127.0.0.1:9/feed", "orders_url": "ws://127.0.0.1:9/orders"}
    with EngineProcess(nowhere, *AFTER) as engine:
        _, errors = engine.process.communicate(timeout=30)
    assert engine.process.returncode == 2
    assert errors.count("\n") == 1
    assert "no exchange answers" in errors
