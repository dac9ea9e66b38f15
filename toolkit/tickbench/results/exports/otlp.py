"""OTLP in JSON (an ExportMetricsServiceRequest): for the file receiver or the HTTP endpoint of an OpenTelemetry collector.

A measurement is a data point of its variant's series, for the time in which it was measured, so that rounds follow each other
as deltas. Values timed one by one are an exponential histogram in seconds: a record goes to the bucket of the middle of its
HDR bucket, which is 0.1 % wide. The scale is the finest, 5 at most, at which a point fits into 160 buckets, as the SDKs have
by default: at scale 5 a bucket is 2.2 % wide and 0.15 % of log-spread records change to a neighbour. Explicit limits would
need hundreds of doubles a point for the same. Batches have the mean time of an operation, as a gauge.
"""

from typing import Any

import msgspec
import numpy as np

from tickbench.kernels.hdr import Histogram
from tickbench.results.exports.choice import (
    NS_PER_S,
    Choice,
    Export,
    check_histogram,
    groups,
    histogram_name,
    started_at_s,
    starts_ns,
)
from tickbench.results.run_file import Measurement, Run

_MOST_BUCKETS = 160  # default of the OpenTelemetry SDKs
_FINEST_SCALE = 5
_DELTA = 1  # AGGREGATION_TEMPORALITY_DELTA; OTLP wants enums as numbers

Json = dict[str, Any]


def write(run: Run, choice: Choice) -> Export:
    """The request; raises InputError for a run without measurements or without a start."""
    check_histogram(run, choice)
    groups(run)
    began_ns, notes = starts_ns(run)
    start_ns = round(started_at_s(run) * 1000) * (NS_PER_S // 1000)
    points: list[Json] = []
    means: list[Json] = []
    rates: list[Json] = []
    left_out, batches = [], 0
    for one, at_ns in zip(run.measurements, began_ns, strict=True):
        common = _common(one, start_ns + at_ns)
        rates.append(common | {"asDouble": one.operations * NS_PER_S / max(one.elapsed_ns, 1)})
        means.append(common | {"asDouble": one.elapsed_ns / max(one.operations, 1) / NS_PER_S})
        name = histogram_name(one, choice)
        if one.timing == "batch":
            batches += 1
            continue
        if name is None:
            left_out.append(f"{one.scenario} {one.variant} round {one.round}: it has no such histogram")
            continue
        attributes = [*common["attributes"], _attribute("histogram", name)]
        points.append(common | {"attributes": attributes} | _exponential(Histogram.decode(one.histograms[name])))
    if batches:
        of = f"{batches} of {len(run.measurements)} measurements"
        notes = (*notes, f"{of} are of batches, whose means have no percentiles: they have their mean time only")
    metrics = [
        _metric("tickbench.operation.mean", "s", "Measured time over operations.", "gauge", {"dataPoints": means}),
        _metric("tickbench.throughput", "{operation}/s", "Operations in a second.", "gauge", {"dataPoints": rates}),
    ]
    if points:
        latency = {"aggregationTemporality": _DELTA, "dataPoints": points}
        metrics.append(_metric("tickbench.latency", "s", "Time of an operation.", "exponentialHistogram", latency))
    scope = {"scope": {"name": "tickbench", "version": run.provenance.tickbench}, "metrics": metrics}
    request = {"resourceMetrics": [{"resource": {"attributes": _resource(run)}, "scopeMetrics": [scope]}]}
    return Export(msgspec.json.encode(request).decode() + "\n", tuple(left_out), notes)


def _metric(name: str, unit: str, description: str, kind: str, data: Json) -> Json:
    return {"name": name, "unit": unit, "description": description, kind: data}


def _common(one: Measurement, start_ns: int) -> Json:
    """Whole numbers of 64 bits are texts in the JSON of protobuf."""
    names = {"component": one.component, "scenario": one.scenario, "variant": one.variant}
    return {
        "startTimeUnixNano": str(start_ns),
        "timeUnixNano": str(start_ns + one.elapsed_ns),
        "attributes": [_attribute(name, value) for name, value in names.items()],
    }


def _exponential(histogram: Histogram) -> Json:
    """An exponential histogram in seconds; the value 0 has a count of its own."""
    used = np.flatnonzero(histogram.counts)
    point: Json = {"count": str(histogram.count), "sum": histogram.sum_ns / NS_PER_S, "zeroCount": "0"}
    if not used.size:
        return point
    low, high = histogram.geometry.lowest_values[used], histogram.geometry.highest_values[used]
    middles, counts = low + ((high - low + 1) >> 1), histogram.counts[used]
    zero = middles == 0
    point |= {"min": histogram.min_ns / NS_PER_S, "max": histogram.max_ns / NS_PER_S, "zeroCount": str(counts[zero].sum())}
    if zero.all():
        return point
    octaves = np.log2(middles[~zero] / NS_PER_S)
    for scale in range(_FINEST_SCALE, -11, -1):
        places = np.ceil(octaves * 2.0**scale).astype(np.int64) - 1  # a bucket holds its upper limit
        if places[-1] - places[0] < _MOST_BUCKETS:
            break
    filled = np.zeros(places[-1] - places[0] + 1, dtype=np.int64)
    np.add.at(filled, places - places[0], counts[~zero])
    return point | {"scale": scale, "positive": {"offset": int(places[0]), "bucketCounts": [str(one) for one in filled]}}


def _resource(run: Run) -> list[Json]:
    """The machine and the build, under OpenTelemetry's names where it has some; what is unknown is absent."""
    of = run.provenance
    facts: dict[str, str | bool | None] = {
        "service.name": "tickbench",
        "service.version": of.tickbench,
        "host.cpu.model.name": of.cpu_model,
        "os.description": of.kernel,
        "process.runtime.description": of.python,
        "vcs.ref.head.revision": of.revision,
        "tickbench.clean": of.clean,
        "tickbench.clock": of.clock.source,
    }
    return [_attribute(name, value) for name, value in facts.items() if value is not None]


def _attribute(key: str, value: str | bool) -> Json:
    return {"key": key, "value": {"boolValue" if isinstance(value, bool) else "stringValue": value}}
