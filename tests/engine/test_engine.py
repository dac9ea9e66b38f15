"""The engine as a process against the exchange as a process: profiles, faults, and what is left of an engine that was killed."""

import signal
from pathlib import Path

import pytest
from engine.engine_process import EngineProcess, wait_until
from engine.exchange_process import ExchangeProcess

from tickbench.probe import PageReader

FEED = "synthetic:events=200"
SLOW = ("--times", "constant:400")


@pytest.mark.parametrize("arguments", [("--profile", "after"), ("--profile", "after", "--transport", "picows"), ("--profile", "before")])
def test_exchange_and_engine_come_to_the_same_digest(tmp_path, arguments):
    with ExchangeProcess(tmp_path, *SLOW, capture=FEED) as exchange, EngineProcess(exchange.listening, *arguments) as engine:
        status, errors, result = engine.end()
        _, _, told = exchange.end()
    assert result["digest"] == told["digest"], errors
    assert (status, result["reason"], result["unsettled"]) == (0, "done", 0)
    assert result["orders"] == told["orders"]["orders"] > 10
    assert result["frames"] == 200
    assert {"parse", "order_book", "signal", "risk", "serialise", "send", "fill", "position"} <= set(result["times"])
    if result["transport"] == "spinning":
        assert result["allocations"] == 0


def test_a_stopped_engine_waits_for_its_outcomes_and_says_what_it_did(tmp_path):
    with ExchangeProcess(tmp_path, "--times", "constant:100", capture=FEED) as exchange:
        with EngineProcess(exchange.listening, "--profile", "after") as engine:
            engine.wait_started()
            assert _until_orders(engine, 1)
            engine.tell(signal.SIGTERM)
            status, _, result = engine.end()
    assert (status, result["reason"], result["unsettled"]) == (130, "interrupted", 0)
    assert result["counts"]["fills"] + result["counts"]["expired"] == result["orders"] >= 1


def test_the_page_of_a_killed_engine_can_still_be_read(tmp_path):
    with ExchangeProcess(tmp_path, "--times", "constant:100", capture=FEED) as exchange:
        with EngineProcess(exchange.listening, "--profile", "after") as engine:
            page = Path(engine.wait_started()["page"])
            assert _until_orders(engine, 1)
            engine.process.kill()
            engine.process.wait()
        with PageReader(page) as reader:
            snapshot = reader.snapshot()
            assert not reader.alive
        page.unlink()
    assert snapshot["message"].histogram.count > 0
    assert snapshot["receive_to_send"].histogram.count > 0


def test_a_gap_of_the_feed_is_mended_by_a_snapshot_and_makes_the_run_invalid(tmp_path):
    with ExchangeProcess(tmp_path, *SLOW, "--fault", "gap:60", capture=FEED) as exchange:
        with EngineProcess(exchange.listening, "--profile", "after") as engine:
            status, _, result = engine.end()
    assert (status, result["reason"]) == (3, "done")
    assert result["counts"]["gaps"] == result["links"]["resynced"] >= 1
    assert result["counts"]["snapshots"] == 1 + result["counts"]["gaps"]
    assert "gaps" in result["invalid"]


def test_duplicates_change_nothing(tmp_path):
    with ExchangeProcess(tmp_path, *SLOW, "--fault", "duplicate:20", capture=FEED) as exchange:
        with EngineProcess(exchange.listening, "--profile", "after") as engine:
            status, _, result = engine.end()
        _, _, told = exchange.end()
    assert (status, result["invalid"]) == (0, None)
    assert result["counts"]["late_frames"] >= 5
    assert result["digest"] == told["digest"]


def test_a_lost_exchange_ends_the_run_with_a_reason_and_the_orders_unsettled_are_told(tmp_path):
    with ExchangeProcess(tmp_path, "--times", "constant:100", "--delay-us", "200000", capture=FEED) as exchange:
        with EngineProcess(exchange.listening, "--profile", "after", "--retry", "0.3") as engine:
            engine.wait_started()
            assert _until_orders(engine, 1)
            exchange.process.kill()
            status, _, result = engine.end()
    assert status == 3
    assert result["reason"].startswith("exchange lost")
    assert result["links"]["lost"] >= 1


def test_the_kill_file_stops_orders_and_not_the_engine(tmp_path):
    kill_file = tmp_path / "kill"
    with ExchangeProcess(tmp_path, *SLOW, capture=FEED) as exchange:
        with EngineProcess(exchange.listening, "--profile", "after", "--kill-file", kill_file) as engine:
            engine.wait_started()
            assert _until_orders(engine, 1)
            kill_file.touch()
            _, _, result = engine.end()
    assert result["killed"]
    assert result["counts"]["refused"]["killed"] >= 1
    assert (result["reason"], result["unsettled"], result["frames"]) == ("done", 0, 200)


def test_no_exchange_is_one_line(tmp_path):
    nowhere = {"feed_url": "ws://127.0.0.1:9/feed", "orders_url": "ws://127.0.0.1:9/orders"}
    with EngineProcess(nowhere, "--profile", "after") as engine:
        _, errors = engine.process.communicate(timeout=30)
    assert engine.process.returncode == 2
    assert errors.count("\n") == 1
    assert "no exchange answers" in errors


def _until_orders(engine, number):
    with PageReader(Path(engine.started["page"])) as reader:
        return wait_until(lambda: reader.snapshot()["orders"].value >= number)
