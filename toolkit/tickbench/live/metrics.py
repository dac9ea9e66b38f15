"""A look at a live engine as OpenMetrics text 1.0, for Prometheus.

A histogram has the same limits in every answer, eight to an octave over its whole range, so that no series begins in the
middle: a rate over a series that just began misses the very records that made it. Each limit is the upper end of a bucket of
the page, so the counts are exact, and a scraper may keep them as a native histogram with custom boundaries without loss.
`/json` has every bucket of the page, in the HdrHistogram V2 encoding.
"""

from collections.abc import Iterable, Iterator

from tickbench.kernels.hdr import Histogram
from tickbench.live.watch import Line, Look, Value
from tickbench.probe import Reading, Snapshot
from tickbench.results.exports.openmetrics import Labels, Sample, bucket_samples, family, percentile_samples

_NS_PER_S = 1_000_000_000


def openmetrics_text(look: Look, snapshot: Snapshot) -> str:
    """The whole answer; `snapshot` is what `look` was made of."""
    lines = [*_process(look), *_histograms(look, snapshot), *_budgets(look), *_values(look)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _process(look: Look) -> Iterator[str]:
    labels = {"app": look.app, "pid": str(look.pid), "language": look.language}
    yield from family("tickbench_engine", "info", "The process whose probe page this is.", [("_info", labels, "1")])
    app = {"app": look.app}
    numbers = (
        ("up", "1 while the engine runs.", float(look.state == "running")),
        ("heartbeat_age_seconds", "Time since the engine's last heartbeat.", look.heartbeat_age_ns / _NS_PER_S),
        ("threads", "Threads of the engine.", float(look.threads)),
    )
    for name, text, value in numbers:
        yield from family(f"tickbench_engine_{name}", "gauge", text, [("", app, repr(value))])
    for name, text, spent_ns in (
        ("cpu_seconds", "Time on a core, of the threads that live.", look.on_cpu_ns),
        ("run_queue_wait_seconds", "Time that threads were ready and had no core.", look.waited_ns),
    ):
        if spent_ns is not None:
            yield from family(f"tickbench_engine_{name}", "gauge", text, [("", app, repr(spent_ns / _NS_PER_S))])


def _histograms(look: Look, snapshot: Snapshot) -> Iterator[str]:
    found = [(_labels(look, one), one.histogram) for one in snapshot.readings if one.histogram is not None]
    yield from family(
        "tickbench_live_latency_seconds",
        "histogram",
        "Times that the engine recorded.",
        (one for labels, histogram in found for one in bucket_samples(labels, histogram, all_limits=True)),
    )
    yield from family(
        "tickbench_live_latency_percentile_seconds",
        "gauge",
        "Percentiles since the engine started, at the resolution of the page, and the exact maximum.",
        (one for labels, histogram in found for one in percentile_samples(labels, histogram)),
    )
    yield from family("tickbench_live_unbucketed", "counter", "Records beyond the range, or negative.", _outside(found))
    yield from family(
        "tickbench_live_in_flight_seconds",
        "gauge",
        "Age of the operation in flight.",
        (
            ("", _labels(look, one) | {"stage": one.in_flight.stage_name}, repr(one.in_flight.age_ns / _NS_PER_S))
            for one in look.lines
            if one.in_flight is not None
        ),
    )


def _outside(found: Iterable[tuple[Labels, Histogram]]) -> Iterator[Sample]:
    for labels, histogram in found:
        yield "_total", labels | {"kind": "over_range"}, str(histogram.over_range)
        yield "_total", labels | {"kind": "negative"}, str(histogram.negative)


def _budgets(look: Look) -> Iterator[str]:
    held = [(_labels(look, one) | {"budget": one.limit.budget}, one.limit) for one in look.lines if one.limit is not None]
    yield from family(
        "tickbench_latency_violations",
        "counter",
        "Records over the limit of a budget.",
        (("_total", labels, str(limit.violations)) for labels, limit in held),
    )
    yield from family(
        "tickbench_budget_limit_seconds",
        "gauge",
        "The limit of a budget, on the metric that it names.",
        (("", labels | {"metric": limit.metric}, repr(limit.limit_ns / _NS_PER_S)) for labels, limit in held),
    )


def _values(look: Look) -> Iterator[str]:
    for kind, suffix, text in (("counter", "_total", "Counters"), ("gauge", "", "Gauges")):
        samples = [
            (suffix, _labels(look, one) | ({"unit": one.unit} if one.unit else {}), str(one.value))
            for one in look.values
            if one.kind == kind
        ]
        yield from family(f"tickbench_live_{kind}", kind, f"{text} of the engine's own.", samples)


def _labels(look: Look, one: Line | Value | Reading) -> Labels:
    """What tells a slot apart: two threads may have slots of one name."""
    return {"app": look.app, "name": one.name, "tag": one.tag, "tid": str(one.tid)}
