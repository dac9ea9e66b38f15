"""The tagged interval log of HdrHistogram (format 1.3): for HistogramLogProcessor, HistogramLogAnalyzer and the plotters.

A line is one slice of a worker's measured time, or one whole round where the run file holds no slices of the wanted
histogram; its tag is `scenario/variant`. Slices have two digits, rounds three. Payloads are the stored texts, so nothing is
lost. Times have 9 decimals, more than the Java tools use; the maximum is in ms, as they expect. Where a value is the time
of a batch, a comment `#[OperationsPerValue: N Tag=T]` says of how many operations, and `tickbench import` reads it.
"""

import re
from collections.abc import Iterable, Iterator

from tickbench.kernels.hdr import decode_buckets
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
from tickbench.results.foreign_hlog import COMPONENT, UNTAGGED
from tickbench.results.run_file import Measurement, Run

_NS_PER_MS = 1e6
_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'

Key = tuple[str, str, str]


def write(run: Run, choice: Choice) -> Export:
    """The log, its lines in the order of time; raises InputError for a run without measurements or without a start."""
    check_histogram(run, choice)
    tags, left_out, batches = _tags(run), [], 0
    began_ns, notes = starts_ns(run)
    lines: list[tuple[int, str]] = []
    comments: dict[str, None] = {}
    for one, start_ns in zip(run.measurements, began_ns, strict=True):
        name = histogram_name(one, choice)
        tag = tags[_key(one)]
        if name is None:
            left_out.append(f"{one.scenario} {one.variant} round {one.round}: it has no such histogram")
            continue
        lines += [(at_ns, f"{tag}{line}") for at_ns, line in _lines(one, name, start_ns)]
        if one.timing == "batch":
            batches += 1
            comments[f"#[OperationsPerValue: {one.operations_per_value} {tag.rstrip(',')}]".replace(" ]", "]")] = None
    if batches:
        notes = (
            *notes,
            f"a value of {batches} of the measurements is the time of a batch of operations: comments say of how many",
        )
    start_s = started_at_s(run)
    head = heading(start_s, run.provenance.started_at, run.provenance.tickbench, comments)
    lines.sort(key=lambda line: line[0])
    return Export("\n".join([*head, *(text for _, text in lines)]) + "\n", tuple(left_out), notes)


def _lines(one: Measurement, name: str, start_ns: int) -> Iterator[tuple[int, str]]:
    """The intervals of the primary histogram where there are some, else the round: start in ns and the line."""
    if one.intervals and name == histogram_name(one, Choice()):
        for slice_ in one.intervals:
            yield (
                start_ns + slice_.start_ns,
                interval_line(start_ns + slice_.start_ns, slice_.end_ns - slice_.start_ns, slice_.histogram),
            )
    else:
        yield start_ns, interval_line(start_ns, one.elapsed_ns, one.histograms[name])


def interval_line(start_ns: int, length_ns: int, payload: str) -> str:
    """A line without its tag: from `start_ns` after the log's start, with an encoded histogram."""
    found = decode_buckets(payload)
    max_ns = int(found.geometry.highest_values[found.index[-1]]) if found.index.size else 0
    return f"{_seconds(start_ns)},{_seconds(max(length_ns, 0))},{max_ns / _NS_PER_MS:.6f},{payload}"


def heading(start_s: float, started_at: str, version: str, comments: Iterable[str] = ()) -> list[str]:
    """The lines before the first interval."""
    return [
        f"#[Logged with tickbench {version}; values in ns]",
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {start_s:.3f} (seconds since epoch), {started_at}]",
        f"#[BaseTime: {start_s:.3f} (seconds since epoch)]",
        *comments,
        _LEGEND,
    ]


def tag_text(name: str) -> str:
    """A name as a tag: commas end a tag, white space ends it for the Java scanner, what cannot be printed has no place."""
    return "".join(letter if letter.isprintable() else "_" for letter in re.sub(r"[\s,]", "_", name)) or "_"


def _seconds(time_ns: int) -> str:
    """Exact: a float of some hours would lose ns."""
    return f"{time_ns // NS_PER_S}.{time_ns % NS_PER_S:09d}"


def _key(one: Measurement) -> Key:
    return one.scenario, one.component, one.variant


def _tags(run: Run) -> dict[Key, str]:
    """`Tag=…,` of each variant in each scenario, no two alike; what was imported from a log gets its own tag back."""
    found: dict[Key, str] = {}
    for group in groups(run):
        imported = group.component == COMPONENT
        if imported and group.variant == UNTAGGED and "" not in found.values():
            found[group.scenario, group.component, group.variant] = ""
            continue
        plain = tag_text(group.variant if imported else f"{group.scenario}/{group.variant}")
        tag, number = f"Tag={plain},", 1
        while tag in found.values():
            number += 1
            tag = f"Tag={plain}_{number},"
        found[group.scenario, group.component, group.variant] = tag
    return found
