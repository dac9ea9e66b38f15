"""OpenMetrics text 1.0: for Prometheus, a push gateway or the textfile collector of node_exporter.

One classic histogram a variant and scenario, over all rounds, of values timed one by one. Its limits are eight to an octave,
always the same ones, and each is the upper end of an HdrHistogram bucket: the counts are exact, and series of two runs can be
added. Limits at every used bucket would lose nothing, but there are hundreds, and others in every run: a database would get
new series each time. What eight to an octave cannot say (they are 9 to 13 % wide), the percentiles beside them do, at the full
resolution. `_sum` is reckoned with the middles of the buckets, as the run file keeps no other. Nothing carries a time stamp:
textfile collectors refuse them.
"""

import statistics
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tickbench.kernels.hdr import Histogram
from tickbench.results.exports.choice import NS_PER_S, Choice, Export, Group, check_histogram, groups, histogram_name
from tickbench.results.merging import merge_all
from tickbench.results.run_file import Run

_PERCENTILES = ("50", "90", "99", "99.9", "99.99")
_STEPS_LOG2 = 3  # eight limits to an octave
_LATENCY = "tickbench_latency_seconds"

Labels = dict[str, str]
Sample = tuple[str, Labels, str]  # suffix, labels, value


def write(run: Run, choice: Choice) -> Export:
    """The text; InputError for a run without measurements."""
    check_histogram(run, choice)
    found = groups(run)
    merged = [(group, name, histogram) for group in found for name, histogram in _merged(group, choice)]
    lines: list[str] = []
    lines += family("tickbench_run", "info", "The run that these numbers are of.", [("_info", _run_labels(run), "1")])
    lines += family(
        _LATENCY,
        "histogram",
        "Time of an operation, of values timed one by one.",
        (one for group, name, histogram in merged for one in bucket_samples(_labels(group) | {"histogram": name}, histogram)),
    )
    lines += family(
        "tickbench_latency_percentile_seconds",
        "gauge",
        "Percentiles of the same values at three digits, and their maximum.",
        (
            one
            for group, name, histogram in merged
            for one in percentile_samples(_labels(group) | {"histogram": name}, histogram)
        ),
    )
    for name, help_text, value in _GAUGES:
        lines += family(name, "gauge", help_text, ((("", _labels(group), repr(value(group)))) for group in found))
    lines += family(
        "tickbench_counter", "gauge", "What a workload counted, median of the rounds.", (o for g in found for o in _counters(g))
    )
    batches = sum(group.batch for group in found)
    note = f"{batches} of {len(found)} series are of batches, whose means have no percentiles: they have their mean time only"
    return Export("\n".join([*lines, "# EOF"]) + "\n", notes=(note,) if batches else ())


def _throughput(group: Group) -> float:
    return statistics.median(one.operations * NS_PER_S / max(one.elapsed_ns, 1) for one in group.rounds)


def _mean_s(group: Group) -> float:
    return statistics.median(one.elapsed_ns / max(one.operations, 1) / NS_PER_S for one in group.rounds)


_GAUGES: tuple[tuple[str, str, Callable[[Group], float]], ...] = (
    ("tickbench_operations_per_second", "Throughput, median of the rounds.", _throughput),
    ("tickbench_operation_mean_seconds", "Measured time over operations, median of the rounds.", _mean_s),
    ("tickbench_rounds", "Measured rounds.", lambda group: float(len(group.rounds))),
    (
        "tickbench_disturbed_rounds",
        "Rounds that lost too much time to the machine.",
        lambda group: float(sum(one.disturbed for one in group.rounds)),
    ),
)


def _merged(group: Group, choice: Choice) -> Iterator[tuple[str, Histogram]]:
    """Name and sum of the wanted histograms of a group, unless its values are of batches."""
    named = [(name, one.histograms[name]) for one in group.rounds if (name := histogram_name(one, choice)) is not None]
    if named and not group.batch:
        yield named[0][0], merge_all([text for _, text in named])


def family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """A metric family, if it has a sample."""
    shown = [f"{name}{suffix}{{{_label_text(labels)}}} {value}" for suffix, labels, value in samples]
    if shown:
        yield f"# TYPE {name} {kind}"
        if name.endswith("_seconds"):
            yield f"# UNIT {name} seconds"
        yield f"# HELP {name} {help_text}"
        yield from shown


def bucket_samples(labels: Labels, histogram: Histogram, *, all_limits: bool = False) -> Iterator[Sample]:
    """The samples of a classic histogram; `all_limits` also of those that nothing lies near, for series that go on."""
    geometry = histogram.geometry
    used = np.flatnonzero(histogram.counts)
    if used.size or all_limits:
        running = np.cumsum(histogram.counts)
        highest = geometry.highest_values
        places = np.flatnonzero(np.isin(highest, limits_ns(int(highest[-1]))))
        # From the last empty limit, where the first bucket begins, to the first that covers the maximum.
        first = 0 if all_limits else max(0, int(np.searchsorted(places, used[0])) - 1)
        last = places.size if all_limits else int(np.searchsorted(places, used[-1]))
        for place in places[first : last + 1]:
            yield "_bucket", labels | {"le": repr(int(highest[place]) / NS_PER_S)}, str(running[place])
    yield "_bucket", labels | {"le": "+Inf"}, str(histogram.count)
    yield "_count", labels, str(histogram.count)
    yield "_sum", labels, repr(histogram.sum_ns / NS_PER_S)


def limits_ns(most_ns: int) -> list[int]:
    """The limits, included in their buckets: 0 to 7 ns one by one, then each octave in eight equal parts."""
    step_count = 1 << _STEPS_LOG2
    octaves = range(_STEPS_LOG2, most_ns.bit_length())
    parts = (((step_count + step) << (octave - _STEPS_LOG2)) - 1 for octave in octaves for step in range(1, step_count + 1))
    return [*range(step_count), *parts]


def percentile_samples(labels: Labels, histogram: Histogram) -> Iterator[Sample]:
    """The percentiles and the maximum; nothing of an empty histogram."""
    if histogram.count:
        values = (*histogram.percentiles(_PERCENTILES), histogram.max_ns)
        for name, value_ns in zip((*_PERCENTILES, "max"), values, strict=True):
            yield "", labels | {"percentile": name}, repr(value_ns / NS_PER_S)


def _counters(group: Group) -> Iterator[Sample]:
    for name in sorted({name for one in group.rounds for name in one.counters}):
        value = statistics.median(one.counters[name] for one in group.rounds if name in one.counters)
        yield "", _labels(group) | {"counter": name}, repr(float(value))


def _labels(group: Group) -> Labels:
    return {"component": group.component, "scenario": group.scenario, "variant": group.variant}


def _run_labels(run: Run) -> Labels:
    of = run.provenance
    facts = {
        "tickbench": of.tickbench,
        "started_at": of.started_at,
        "revision": of.revision,
        "clean": None if of.clean is None else str(of.clean).lower(),
        "cpu_model": of.cpu_model,
        "kernel": of.kernel,
        "python": of.python,
        "clock": of.clock.source,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _label_text(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
