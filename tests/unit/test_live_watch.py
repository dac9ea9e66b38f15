"""Looks at a page: intervals, limits, what is in flight; the same look as tables and as OpenMetrics text."""

import http.client
import json
import socket
import threading
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from rich.console import Console

from tickbench import probe
from tickbench.errors import InputError, UsageError
from tickbench.kernels.hdr import Histogram
from tickbench.live import server
from tickbench.live.metrics import openmetrics_text
from tickbench.live.target import Target
from tickbench.live.watch import Watch, limit_of
from tickbench.measure.budgets import Budget
from tickbench.probe.python import add, begin, correlate, end, record, stage
from tickbench.render.live import look_tables

LIMIT = Budget(
    id="tick-to-order",
    section="1",
    name="n",
    reading="r",
    priority="critical",
    limit=5,
    unit="us",
    not_measured="x",
    probe="tick",
)


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made = probe.Page("looked_at", stages=["idle", "parse"], slots=2)
    yield made
    made.close()


@pytest.fixture
def tick(page):
    return page.histogram("tick")


def _watch(*budgets):
    return Watch(Target("looked_at"), budgets)


def test_an_interval_holds_what_came_since_the_last_look_and_the_limit_what_came_since_the_start(page, tick):
    orders = page.counter("orders")
    record(tick, 9_000)
    watch = _watch(LIMIT)
    first = watch.look()
    assert (first.state, first.interval_ns, first.lines[0].interval) == ("running", None, None)
    for _ in range(99):
        record(tick, 1_000)
    add(orders, 99)
    second = watch.look()
    line = second.lines[0]
    assert (line.total.count, line.interval.count, line.interval.p99_ns, line.interval.max_ns) == (100, 99, 1_000, 1_000)
    assert line.total.max_ns == 9_000
    assert line.rate_per_s == pytest.approx(99e9 / second.interval_ns)
    assert (line.limit.budget, line.limit.metric, line.limit.violations) == ("tick-to-order", "p99", 1)
    assert (line.limit.value_ns, line.limit.share) == (1_000, pytest.approx(0.2))
    assert second.values[0].rate_per_s == pytest.approx(99e9 / second.interval_ns)
    assert second.threads >= 1
    assert second.cpu_percent is None or second.cpu_percent >= 0
    assert watch.look().lines[0].interval.count == 0


def test_violations_are_the_records_above_the_limit_and_never_those_at_it():
    histogram = Histogram()
    histogram.record([5_000] * 3 + [5_010, 70_000, 20_000_000_000])
    found = limit_of(LIMIT, histogram)
    assert found.violations == 3  # one of them is beyond the range of the histogram
    assert limit_of(LIMIT, Histogram()).value_ns is None


def test_budgets_that_are_no_limit_on_a_time_bind_no_histogram(tick):
    rate = Budget(
        id="tick", section="1", name="n", reading="r", priority="high", limit=5, unit="/s", scenario="s", metric="rate"
    )
    assert _watch(rate).look().lines[0].limit is None
    assert _watch(rate, LIMIT).look().lines[0].limit is not None


def _text(look, columns=200):
    console = Console(width=columns, file=None, record=True, quiet=False)
    with console.capture() as captured:
        for one in look_tables(look, columns):
            console.print(one)
    return captured.get()


def test_the_table_has_a_line_a_histogram_with_what_is_in_flight(page, tick):
    record(tick, 20_000)
    begin(tick)
    stage(tick, 1)
    correlate(tick, 77)
    watch = _watch(LIMIT)
    watch.look()
    text = _text(watch.look())
    assert "parse #77" in text
    assert "400% of 5 µs p99, 1 over" in text
    assert "p99 since start" in text
    assert "p99 since start" not in _text(watch.look(), columns=100)
    end(tick)
    assert "parse" not in _text(watch.look())


def _families(text):
    return {one.name: one for one in text_string_to_metric_families(text)}


def test_the_metrics_are_read_by_prometheus_and_have_the_same_limits_in_every_answer(page, tick):
    gauge, watch = page.gauge("depth", unit="levels"), _watch(LIMIT)
    probe.python.put(gauge, -4)
    begin(tick)
    before = _families(openmetrics_text(watch.look(), watch.snapshot))
    end(tick)
    for value in (0, 900, 6_000, 20_000_000_000):
        record(tick, value)
    after = _families(openmetrics_text(watch.look(), watch.snapshot))

    def limits(found):
        return [one.labels["le"] for one in found["tickbench_live_latency_seconds"].samples if one.name.endswith("_bucket")]

    assert limits(before) == limits(after)
    assert len(limits(after)) > 200
    samples = {one.name: one.value for one in after["tickbench_live_latency_seconds"].samples}
    assert samples["tickbench_live_latency_seconds_count"] == 4
    buckets = {one.labels["le"]: one.value for one in after["tickbench_live_latency_seconds"].samples if "le" in one.labels}
    below = [value for limit, value in buckets.items() if float(limit) < 1e-6]
    assert max(below) == 2
    assert before["tickbench_live_in_flight_seconds"].samples
    assert "tickbench_live_in_flight_seconds" not in after
    violations = after["tickbench_latency_violations"].samples[0]
    assert (violations.value, violations.labels["budget"]) >= (2, "tick-to-order")
    assert after["tickbench_engine_up"].samples[0].value == 1
    assert after["tickbench_live_gauge"].samples[0].value == -4
    outside = {one.labels["kind"]: one.value for one in after["tickbench_live_unbucketed"].samples}
    assert outside == {"over_range": 1, "negative": 0}


def test_a_target_that_is_not_there_is_named_with_what_is(page):
    with pytest.raises(UsageError, match="did you mean 'looked_at'"):
        Target("looked_art")
    with pytest.raises(UsageError, match="there is no process 4194303"):
        Target("4194303")
    with pytest.raises(InputError, match="has no page"):
        Target("1")


# -- the exporter


@pytest.fixture
def serving(tick):
    record(tick, 9_000)
    with server.Exporter(server.Source(Target("looked_at"), [LIMIT]), "127.0.0.1", 0) as exporter:
        thread = threading.Thread(target=exporter.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield exporter.server_address[1]
        exporter.shutdown()
        thread.join()


def _ask(port, path="/metrics", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_exporter_serves_metrics_and_every_bucket_as_json(serving):
    status, body = _ask(serving)
    assert status == 200
    assert _families(body.decode())["tickbench_latency_violations"].samples[0].value == 1
    status, body = _ask(serving, "/json")
    document = json.loads(body)
    assert (status, document["schema"], document["look"]["app"]) == (200, "tickbench.live/1", "looked_at")
    assert Histogram.decode(document["histograms_hdr_v2"][0]).count == 1
    assert _ask(serving, method="HEAD") == (200, b"")


def test_the_exporter_refuses_what_it_does_not_serve(serving):
    assert _ask(serving, "/")[0] == 404
    assert _ask(serving, "/metrics/../json")[0] == 404
    assert _ask(serving, method="POST")[0] == 501
    assert _ask(serving, method="DELETE")[0] == 501
    assert _ask(serving, Host="attacker.example:9464")[0] == 403
    assert _ask(serving, Host="localhost:9464")[0] == 200
    assert _ask(serving, Host="[::1]:9464")[0] == 200


@pytest.mark.parametrize(
    "head", [b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 20_000, b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n"]
)
def test_the_exporter_survives_hostile_requests(serving, head):
    with socket.create_connection(("127.0.0.1", serving), timeout=10) as connection:
        connection.sendall(head)
        connection.settimeout(10)
        try:
            answer = connection.recv(65536)
        except ConnectionResetError:  # closed with some of the request unread
            answer = b""
    assert b"200 OK" not in answer
    assert _ask(serving)[0] == 200


def test_more_requests_than_its_rate_are_told_to_wait(serving):
    statuses = {_ask(serving, "/nothing")[0] for _ in range(60)} | {_ask(serving)[0] for _ in range(3)}
    if 429 not in statuses:  # a machine that takes 50 ms a request never reaches the rate
        pytest.skip("this machine is too slow to go over the rate")
    assert 404 in statuses
    time.sleep(0.2)
    assert _ask(serving)[0] == 200


def test_connections_that_say_nothing_take_no_more_than_their_room(serving):
    silent = [socket.create_connection(("127.0.0.1", serving), timeout=10) for _ in range(8)]
    time.sleep(0.3)
    with socket.create_connection(("127.0.0.1", serving), timeout=10) as one_more:
        one_more.settimeout(10)
        assert one_more.recv(10) == b""
    for one in silent:
        one.close()
    deadline = time.monotonic() + 20
    while True:
        try:
            status, _ = _ask(serving)
        except (OSError, http.client.HTTPException):
            status = None
        if status == 200:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("text", ["", "9464", "localhost:9464", "127.0.0.1:", "127.0.0.1:99999", "[::1]", "::1:x"])
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--listen"):
        server.parse_address(text)


def test_addresses_are_read_and_a_port_that_is_taken_is_told(page):
    assert server.parse_address("127.0.0.1:9464") == ("127.0.0.1", 9464)
    assert server.parse_address("[::1]:80") == ("::1", 80)
    assert server.is_loopback("127.1.2.3")
    assert not server.is_loopback("0.0.0.0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="in use"):
            server.Exporter(server.Source(Target("looked_at"), []), "127.0.0.1", taken.getsockname()[1])
