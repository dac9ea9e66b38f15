"""Interval logs: Java's are read, ours are read by HistogramLogReader, and nothing changes on the way there and back."""

import base64
import re
import struct
import zlib
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samples import a_measurement, a_run, a_scenario_record, a_variant_record
from tickbench.errors import InputError
from tickbench.kernels.hdr import COUNT_LIMIT, HdrGeometry, Histogram, decode_buckets
from tickbench.measure.stored import compare_runs
from tickbench.results import run_file
from tickbench.results.exports import Choice, export
from tickbench.results.foreign import read
from tickbench.results.foreign_run import MOST_GROUPS
from tickbench.results.run_file import Interval

JAVA = Path(__file__).with_name("hdrhistogram_java.hlog")
# What HistogramLogReader of org.HdrHistogram 2.1.11 finds in that file: lines, values and maximum of each tag.
JAVA_FOUND = {"no tag": (12, 366, 954367), "A": (12, 361, 1006079), "B_b": (12, 8589935061, 1500159)}
START = "#[StartTime: 1767225600.000 (seconds since epoch), x]\n"


def encoded(*values_ns, geometry=None):
    histogram = Histogram(geometry)
    histogram.record(list(values_ns))
    return histogram.encode()


def imported(text, name="some.hlog"):
    return read(text.encode(), name)


def log_of(run, **choice):
    return export("hlog", run, Choice(**choice)).text


def payloads(text):
    """The histograms of each tag in the order of the file."""
    found = {}
    for line in text.splitlines():
        if "HISTF" in line:
            tag, _, rest = line[4:].partition(",") if line.startswith("Tag=") else ("", "", line)
            found.setdefault(tag, []).append(rest.rpartition(",")[2])
    return found


def test_a_log_of_java_becomes_a_run():
    run = read(JAVA.read_bytes(), JAVA.name)
    assert [one.name for one in run.variants] == list(JAVA_FOUND)
    assert (run.provenance.started_at, run.provenance.ended_at) == ("2026-01-01T00:00:00.123Z", "2026-01-01T00:00:12.123Z")
    for tag, (lines, values, max_ns) in JAVA_FOUND.items():
        of = [one for one in run.measurements if one.variant == tag]
        assert [one.round for one in of] == list(range(MOST_GROUPS))
        assert sum(max(1, len(one.intervals)) for one in of) == lines
        assert sum(one.operations for one in of) == values
        assert max(one.percentiles["max"] for one in of) == max_ns
        assert sum(one.elapsed_ns for one in of) == 12 * 10**9
        assert of[0].started_s == 0
    assert run.scenarios[0].open_loop
    assert log_of(run).count("\nTag=A,") == 12
    assert payloads(log_of(run)) == payloads(JAVA.read_text())


def test_an_imported_log_is_a_run_like_any_other(tmp_path):
    run = read(JAVA.read_bytes(), JAVA.name)
    run_file.save(run, tmp_path / "run.json")
    assert run_file.load(tmp_path / "run.json") == run
    findings = compare_runs(run, run, "base", "new").findings
    assert {one.metric for one in findings} == {"p50", "p99", "p99.9"}  # a log's rate is not the code's doing


def test_the_reader_of_hdrhistogram_reads_our_log(tmp_path):
    measured = [a_measurement("one", i, values_ns=[1000 * (i + 1), 1_500_000], started_s=0.5 * i) for i in range(3)]
    (tmp_path / "x.hlog").write_text(log_of(a_run(measurements=measured)))
    reader = HistogramLogReader(str(tmp_path / "x.hlog"), HdrHistogram(1, 10**10, 3))
    for i in range(3):
        found = reader.get_next_interval_histogram()
        assert found.get_tag() == "smoke/one/one"
        assert found.get_total_count() == 2
        assert found.get_start_time_stamp() == pytest.approx(1767225600_000 + 500 * i)
        assert found.get_end_time_stamp() - found.get_start_time_stamp() == pytest.approx(1, abs=1e-3)
    assert reader.get_next_interval_histogram() is None
    reader.close()
    assert f",{Histogram.decode(measured[0].histograms['service']).max_ns / 1e6:.6f},HISTF" in log_of(
        a_run(measurements=measured)
    )


def test_intervals_are_lines_and_other_histograms_are_rounds():
    slices = [Interval(start_ns=i * 10, end_ns=i * 10 + 10, histogram=encoded(i + 1)) for i in range(3)]
    one = a_measurement("one", 0, started_s=1.0, intervals=slices)
    one.histograms["lag"] = encoded(7)
    run = a_run(measurements=[one])
    assert payloads(log_of(run)) == {"smoke/one/one": [slice_.histogram for slice_ in slices]}
    assert ",1.000000010,0.000000010," in log_of(run).replace("Tag=smoke/one/one", "")
    assert payloads(log_of(run, histogram="lag")) == {"smoke/one/one": [encoded(7)]}


@pytest.mark.parametrize("hostile", ["a,b", "a b", "a\nTag=x", "a\x1b[2Jb", "a\u2028b", "größe", ""])
def test_tags_survive_hostile_names_and_stay_apart(hostile):
    measured = [a_measurement(name, 0, scenario="s") for name in (hostile, hostile.replace(",", "_"), "a_b", "a b")]
    text = log_of(a_run(measurements=measured))
    tags = list(payloads(text))
    assert len(tags) == len({(one.variant) for one in measured})
    assert not any(re.search(r"[\s,]", tag) or not tag.isprintable() for tag in tags)
    assert len(imported(text).variants) == len(tags)


def test_batches_keep_their_size():
    one = a_measurement("one", 0, timing="batch", operations=64_000, operations_per_value=64)
    again = imported(log_of(a_run(measurements=[one]))).measurements[0]
    assert (again.timing, again.operations_per_value, again.operations) == ("batch", 64, 64_000)
    assert again.percentiles["50"] == pytest.approx(one.percentiles["50"] / 64)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c d"]), st.lists(st.integers(0, 10**10), max_size=20), st.integers(1, 10**12)),
        min_size=1,
        max_size=40,
    )
)
def test_export_and_import_are_the_identity_on_counts(rounds):
    measured = [
        a_measurement(variant, i, values_ns=values or [1], elapsed_ns=length_ns, histogram="service")
        for i, (variant, values, length_ns) in enumerate(rounds)
    ]
    first = log_of(a_run(measurements=measured))
    run = imported(first)
    second = log_of(run)
    assert payloads(second) == payloads(first)
    assert log_of(imported(second)) == second
    assert sum(one.operations for one in run.measurements) == sum(one.operations for one in measured)
    for one in run.measurements:
        assert one.intervals == [] or Histogram.decode(one.histograms["service"]).count == sum(
            Histogram.decode(slice_.histogram).count for slice_ in one.intervals
        )


def test_lines_of_different_geometries_add_up():
    geometries = [HdrGeometry(1, 10**6, 2), HdrGeometry(1000, 10**10, 3), HdrGeometry(1, 10**9, 3)]
    lines = [f"{i}.0,1.0,0.1,{encoded(5000, 70_000, geometry=geometries[i % 3])}" for i in range(30)]
    run = imported(START + "\n".join(lines))
    assert [one.operations for one in run.measurements] == [6] * MOST_GROUPS
    assert run.measurements[0].percentiles["99"] == pytest.approx(70_000, rel=0.02)


def test_lines_without_values_belong_to_a_round_and_a_tag_without_any_is_named():
    empty = Histogram().encode()
    lines = [f"{i}.0,1.0,0.0,{encoded(5) if i % 5 == 3 else empty}" for i in range(20)] + [f"Tag=idle,0.0,1.0,0.0,{empty}"]
    run = imported(START + "\n".join(lines))
    assert [len(one.intervals) for one in run.measurements] == [4, 5, 5, 6]
    assert [(one.variant, one.reason) for one in run.skipped] == [("idle", "none of its 1 intervals holds a value")]


@pytest.mark.parametrize(
    ("head", "first", "started_at"),
    [
        (START, "5.0", "2026-01-01T00:00:00.000Z"),
        (START, "1767225605.0", "2026-01-01T00:00:00.000Z"),
        (START + "#[BaseTime: 1767225601.000 (seconds since epoch)]\n", "5.0", "2026-01-01T00:00:00.000Z"),
        ("", "1767225605.0", "2026-01-01T00:00:05.000Z"),
        (START, "1767225599.0", "2025-12-31T23:59:59.000Z"),
    ],
)
def test_times_follow_the_rules_of_the_java_reader(head, first, started_at):
    run = imported(f"{head}{first},1.0,0.1,{encoded(5)}\r\n")
    assert run.provenance.started_at == started_at
    assert run.measurements[0].started_s == {"5.0": 5 + ("BaseTime" in head), "1767225605.0": 5 * bool(head)}.get(first, 0)


def packed(counts, *, digits=3, lowest=1, highest=10**10, payload_bytes=None, offset=0):
    inner = struct.pack(
        ">IIIIQQd", 0x1C849313, len(counts) if payload_bytes is None else payload_bytes, offset, digits, lowest, highest, 1.0
    )
    squeezed = zlib.compress(inner + counts)
    return base64.b64encode(struct.pack(">II", 0x1C849314, len(squeezed)) + squeezed).decode()


GOOD = f"0.0,1.0,0.1,{encoded(5)}"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("0.0,1.0,0.1", "3 fields: was the log cut off"),
        (GOOD[:-20], "not an encoded HdrHistogram"),
        (GOOD + ",7", "5 fields"),
        (f"x,1.0,0.1,{encoded(5)}", "start: a number from 0 on"),
        (f"0.0,-1.0,0.1,{encoded(5)}", "length: a number from 0 on"),
        (f"0.0,nan,0.1,{encoded(5)}", "length: a number from 0 on"),
        (f"0.0,1.0,inf,{encoded(5)}", "maximum: a number from 0 on"),
        (f"1e300,1.0,0.1,{encoded(5)}", "is no time"),
        (f"Tag=,{GOOD}", "tag ''"),
        (f"Tag=a b,{GOOD}", "tag 'a b'"),
        (f"Tag=a\x1b[2J,{GOOD}", "tag"),
        ("0.0,1.0,0.1,!!!!", "not an encoded HdrHistogram"),
        (f"0.0,1.0,0.1,{packed(bytes([0xFE] + [0xFF] * 8))}", "negative or too large"),  # a count of 2^63 - 1
        (f"0.0,1.0,0.1,{packed(bytes([0xFF] * 9))}", "not an encoded HdrHistogram"),  # 2^63 empty buckets
        (f"0.0,1.0,0.1,{packed(bytes(50_000_000), payload_bytes=5)}", "5 bytes of counts are announced, there are more"),
        (f"0.0,1.0,0.1,{packed(bytes(50_000_000))}", "at most"),
        (f"0.0,1.0,0.1,{packed(b'', payload_bytes=9)}", "9 bytes of counts are announced, there are 0"),
        (f"0.0,1.0,0.1,{packed(bytes([2]), offset=1)}", "shifted"),
        (f"0.0,1.0,0.1,{packed(bytes([2]), digits=9)}", "digits"),
        (f"0.0,1.0,0.1,{packed(bytes([2]), highest=2**64 - 1)}", "histogram"),
        ("#[StartTime: yesterday]", "StartTime: a number"),
        ("{}", "1 fields"),
    ],
)
def test_a_hostile_line_is_named_by_its_number(line, named):
    with pytest.raises(InputError, match=re.escape(named)) as caught:
        imported(f"{START}\n{GOOD}\n{line}\n{GOOD}\n")
    assert str(caught.value).startswith("some.hlog: line 4: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (START, "no interval"),
        (GOOD, "does not say when it began"),
        (f"{START}0.0,1.0,0.0,{Histogram().encode()}", "no interval of this log holds a value"),
    ],
)
def test_a_log_without_content_is_an_error(text, named):
    with pytest.raises(InputError, match=named):
        imported(text)


def test_more_values_than_can_be_counted_are_refused():
    many = Histogram.decode(encoded(5))
    many.counts[5] = COUNT_LIMIT - 1
    with pytest.raises(InputError, match=r"tag no tag: \d+ values"):
        imported(START + "\n".join([f"0.0,1.0,0.1,{many.encode()}"] * 3))


def test_too_many_tags_are_refused():
    with pytest.raises(InputError, match=r"line 1002: more than 1000"):
        imported(START + "\n".join(f"Tag={i},{GOOD}" for i in range(1001)))


def accepted(content):
    """The run, or None where the reader refuses it in one line that names the file."""
    try:
        return read(content, "some.hlog")
    except InputError as error:
        refusal = str(error)
    assert refusal.startswith("some.hlog: ")
    assert "\n" not in refusal
    return None


def test_every_cut_is_an_error_or_a_shorter_log():
    content = JAVA.read_bytes()
    for length in range(0, len(content), 97):
        run = accepted(content[:length])
        assert run is None or run.measurements


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 10**7), max_size=50),
    st.sampled_from([HdrGeometry(), HdrGeometry(1000, 10**10, 2), HdrGeometry(1, 2**40, 3)]),
)
def test_sparse_decoding_finds_what_the_package_finds(values_ns, geometry):
    text = encoded(*values_ns, geometry=geometry)
    found = decode_buckets(text)
    whole = Histogram.decode(text)
    assert found.geometry == whole.geometry == geometry
    assert found.index.tolist() == whole.counts.nonzero()[0].tolist()
    assert found.counts.tolist() == whole.counts[found.index].tolist()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 200), st.binary(min_size=1, max_size=4))
def test_damage_in_a_payload_never_gets_past_the_reader(at, noise):
    inner = bytearray(zlib.decompress(base64.b64decode(encoded(5, 70_000, 123_456))[8:]))
    at %= len(inner)
    inner[at : at + len(noise)] = noise
    squeezed = zlib.compress(bytes(inner))
    payload = base64.b64encode(struct.pack(">II", 0x1C849314, len(squeezed)) + squeezed).decode()
    accepted(f"{START}0.0,1.0,0.1,{payload}\n".encode())


def test_filters_and_an_unknown_histogram():
    run = a_run(
        scenarios=[a_scenario_record()],
        variants=[a_variant_record("one"), a_variant_record("other")],
        measurements=[a_measurement("one", 0), a_measurement("other", 0)],
    )
    assert list(payloads(log_of(run, variants=("other",)))) == ["smoke/one/other"]
    run.provenance.started_at = "yesterday"
    with pytest.raises(InputError, match=r"started_at.*yesterday"):
        log_of(run)
