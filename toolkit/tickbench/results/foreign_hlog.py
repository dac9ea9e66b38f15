"""A run out of an interval log of HdrHistogram (.hlog), as Java, C, Rust, jHiccup and `tickbench export` write it.

The run has one scenario, `hlog`, so that two logs can be compared, and one variant a tag; lines without a tag are the variant
`no tag`, which no tag can be called, for tags end at white space. Values are taken as ns. A log says what a service answered
and not what it was asked, so its rate is not judged: the load counts as given from outside, as of an open loop.

Rounds: a log is of one process, and neighbouring intervals are correlated. A tag's lines become at most MOST_GROUPS rounds of
neighbours in time, by the method of batch means (see `foreign`); a round holds the sum of its lines, lasts as long as they do
together, and keeps every line as an interval. Lines without a value belong to the round of the next line that has some. A tag
without any value is skipped by name. Times follow the rules of the Java reader: BaseTime where it is given; else times of more
than a year before StartTime count from it, and others since 1970.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tickbench.errors import InputError
from tickbench.kernels.hdr import COUNT_LIMIT, decode_buckets
from tickbench.results.foreign_run import MOST_GROUPS, provenance_of
from tickbench.results.merging import merge_all
from tickbench.results.run_file import (
    FOREIGN_SUITE,
    Interval,
    Measurement,
    Provenance,
    Run,
    ScenarioRecord,
    Skipped,
    VariantRecord,
)

COMPONENT = SCENARIO = "hlog"
UNTAGGED = "no tag"
_REPORTED = ("10", "50", "90", "99", "99.9", "99.99")
_NS_PER_S, _NS_PER_MS = 1_000_000_000, 1_000_000
_YEAR_NS = 365 * 24 * 3600 * _NS_PER_S
_FIRST_DATE_NS = 10**9 * _NS_PER_S  # 2001: a time below it is no date
_MOST_S = 1e11  # of the year 5138: no clock says more
_MOST_TAGS = 1_000
_MOST_LINE_BYTES = 30_000_000  # the largest histogram (5 digits, all of int64) in base64
_LOAD = {"kind": "recorded"}

_TIME = re.compile(r"#\[(StartTime|BaseTime): *([^ ,\]]*)")
_SIZE = re.compile(r"#\[OperationsPerValue: ([0-9]{1,18})(?: Tag=([^\s,\]]+))?\]$")


@dataclass(frozen=True)
class _Line:
    """One interval; `count` is of its values."""

    number: int
    start_ns: int
    length_ns: int
    count: int
    payload: str

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.length_ns


@dataclass
class _Log:
    """What was read; times as in the file, `sizes` the operations of a value by tag, where they are given."""

    name: str
    start_ns: int | None = None
    base_ns: int | None = None
    first_ns: int = 0
    by_tag: dict[str, list[_Line]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


def looks_like(content: bytes) -> bool:
    """Whether the content is a log and not JSON: its first line is a comment, a legend, a tag or an interval."""
    first = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:40]
    return first.startswith((b"#", b'"StartTimestamp"', b"Tag=")) or bool(re.match(rb"[0-9.]+, *[0-9.]+,", first))


def read_hlog(content: bytes, name: str) -> Run:
    """The run; InputError names the file and the line."""
    log = _Log(name)
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            if len(raw) > _MOST_LINE_BYTES:
                raise InputError(f"{len(raw)} bytes long: no interval takes more than {_MOST_LINE_BYTES}")
            _take(log, number, raw.decode().strip())
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: line {number}: not a text in UTF-8 ({error.reason})") from error
        except InputError as error:
            raise InputError(f"{name}: line {number}: {error}") from error
    if not log.by_tag:
        raise InputError(f"{name}: there is no interval in this log: was it cut off before the first one?")
    return _run(log)


def _take(log: _Log, number: int, text: str) -> None:
    """One line of the file."""
    if text.startswith("#"):
        _take_comment(log, text)
    elif text and not text.startswith('"StartTimestamp"'):
        tag, line = _interval(number, text)
        log.first_ns = log.first_ns if log.by_tag else line.start_ns
        if tag not in log.by_tag and len(log.by_tag) == _MOST_TAGS:
            raise InputError(f"more than {_MOST_TAGS} different tags: this does not look like a log of a service")
        log.by_tag.setdefault(tag, []).append(line)


def _take_comment(log: _Log, text: str) -> None:
    if time := _TIME.match(text):
        if time[1] == "StartTime":
            log.start_ns = _seconds(time[1], time[2])
        else:
            log.base_ns = _seconds(time[1], time[2])
    elif size := _SIZE.match(text):
        log.sizes[size[2] or UNTAGGED] = max(1, int(size[1]))


def _interval(number: int, text: str) -> tuple[str, _Line]:
    """Tag and content of an interval line."""
    tag = UNTAGGED
    if text.startswith("Tag="):
        tag, _, text = text[4:].partition(",")
        if not tag or not tag.isprintable() or len(tag) > 1000 or re.search(r"\s", tag):
            raise InputError(f"tag {tag[:40]!r}: 1 to 1000 printable characters without spaces are expected")
    fields = [one.strip() for one in text.split(",")]
    if len(fields) != 4:
        raise InputError(f"start, length, maximum and histogram are expected, got {len(fields)} fields: was the log cut off?")
    start_ns, length_ns = _seconds("start", fields[0]), _seconds("length", fields[1])
    _number("maximum", fields[2])
    return tag, _Line(number, start_ns, length_ns, int(decode_buckets(fields[3]).counts.sum()), fields[3])


def _seconds(what: str, text: str) -> int:
    """A time in ns, exactly as written: a double would lose some of a date."""
    value_s = _number(what, text)
    if value_s > _MOST_S:
        raise InputError(f"{what}: {text[:40]} s is no time")
    whole, _, rest = text.partition(".")
    if not (whole + rest).isdigit():
        return round(value_s * _NS_PER_S)
    return int(whole or "0") * _NS_PER_S + int(f"{rest[:9]:0<9}")


def _number(what: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{what}: a number from 0 on is expected, got {text[:40]!r}")
    return value


def _run(log: _Log) -> Run:
    """The run: lines in the order of time, in rounds."""
    start_ns, base_ns = _times(log)
    # A log that was cut from the middle may hold lines from before its StartTime: the run starts where its lines do.
    start_ns = min(start_ns, base_ns + min(line.start_ns for lines in log.by_tag.values() for line in lines))
    shift_ns = base_ns - start_ns
    run = Run(provenance=_provenance(log, start_ns, base_ns))
    for tag, lines in log.by_tag.items():
        lines.sort(key=lambda line: line.start_ns)
        total = sum(line.count for line in lines)
        if total >= COUNT_LIMIT:
            raise InputError(f"{log.name}: tag {tag}: {total} values: fewer than {COUNT_LIMIT} are expected")
        if not total:
            reason = f"none of its {len(lines)} intervals holds a value"
            run.skipped.append(Skipped(scenario=SCENARIO, component=COMPONENT, variant=tag, reason=reason))
            continue
        run.variants.append(_variant(tag))
        batch = log.sizes.get(tag)
        run.measurements += [_measurement(tag, i, part, shift_ns, batch) for i, part in enumerate(_rounds(lines))]
    if not run.measurements:
        raise InputError(f"{log.name}: no interval of this log holds a value: there is nothing to import")
    run.scenarios.append(_scenario(run.measurements))
    return run


def _times(log: _Log) -> tuple[int, int]:
    """Start of the log and what its times count from, in ns since 1970."""
    base_ns = log.base_ns or 0
    if log.start_ns is not None:
        relative = log.base_ns is None and log.first_ns < log.start_ns - _YEAR_NS
        return log.start_ns, log.start_ns if relative else base_ns
    if base_ns + log.first_ns < _FIRST_DATE_NS:
        raise InputError(
            f"{log.name}: the log does not say when it began, and runs are kept in the order of time: "
            "put a line `#[StartTime: SECONDS (seconds since epoch)]` on top"
        )
    return base_ns + log.first_ns, base_ns


def _rounds(lines: Sequence[_Line]) -> list[Sequence[_Line]]:
    """At most MOST_GROUPS parts of neighbours, each with a value, of about as many lines that hold one."""
    filled = [i for i, line in enumerate(lines) if line.count]
    many = min(MOST_GROUPS, len(filled))
    ends = [filled[i * len(filled) // many - 1] + 1 for i in range(1, many)]
    return [lines[low:high] for low, high in pairwise([0, *ends, len(lines)])]


def _measurement(tag: str, number: int, lines: Sequence[_Line], shift_ns: int, batch: int | None) -> Measurement:
    merged = merge_all([line.payload for line in lines])
    values = (*merged.percentiles(_REPORTED), merged.max_ns)
    start_ns, many = lines[0].start_ns, batch or 1
    intervals = [
        Interval(start_ns=line.start_ns - start_ns, end_ns=line.end_ns - start_ns, histogram=line.payload) for line in lines
    ]
    return Measurement(
        scenario=SCENARIO,
        component=COMPONENT,
        variant=tag,
        round=number,
        threads=1,
        load=_LOAD,
        timing="operation" if batch is None else "batch",
        operations=merged.count * many,
        elapsed_ns=max(1, sum(line.length_ns for line in lines)),
        operations_per_value=many,
        verified=False,
        percentiles={name: value / many for name, value in zip((*_REPORTED, "max"), values, strict=True)},
        histograms={"service": lines[0].payload if len(lines) == 1 else merged.encode()},
        started_s=(start_ns + shift_ns) / _NS_PER_S,
        intervals=intervals if len(lines) > 1 else [],
    )


def _variant(tag: str) -> VariantRecord:
    return VariantRecord(
        component=COMPONENT, name=tag, runtime="native", example_of="a log", capabilities=[], reference=False, null=False
    )


def _scenario(measured: Sequence[Measurement]) -> ScenarioRecord:
    return ScenarioRecord(
        id=SCENARIO,
        suite=FOREIGN_SUITE,
        why="imported from an interval log of HdrHistogram",
        component=COMPONENT,
        workload="foreign",
        operation="value",
        feed=None,
        writers=1,
        readers=0,
        requires=[],
        load=_LOAD,
        parameters={},
        rounds=max(one.round for one in measured) + 1,
        seconds=sum(one.elapsed_ns for one in measured) / _NS_PER_S,
        open_loop=True,
        value="recorded value",
    )


def _provenance(log: _Log, start_ns: int, base_ns: int) -> Provenance:
    end_ns = base_ns + max(line.end_ns for lines in log.by_tag.values() for line in lines)
    unknown: dict[str, Any] = {"cpu_model": None, "cpus": None, "kernel": None, "python": None, "packages": {}, "machine": {}}
    return provenance_of(log.name, clock=None, started_at=_date(start_ns), ended_at=_date(end_ns), **unknown)


def _date(moment_ns: int) -> str:
    moment = datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(milliseconds=moment_ns // _NS_PER_MS)
    return f"{moment.isoformat(timespec='milliseconds')}Z"
