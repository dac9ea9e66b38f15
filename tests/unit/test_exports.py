"""Runs in other tools' formats, each read by the tool's own reader where one is installed."""

import importlib.metadata
import itertools
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samples import a_measurement, a_run, a_scenario_record
from tickbench.errors import InputError, UsageError
from tickbench.kernels.hdr import HdrGeometry, Histogram
from tickbench.results.exports import FORMATS, Choice, export
from tickbench.results.foreign import read

HERE = Path(__file__).parent
HOSTILE = 'a"b\\c\nd{e}=,größe\u2028'


def needs(distribution):
    """Skip where a reader is not installed."""
    installed = {one.name for one in importlib.metadata.distributions()}
    absent = distribution not in {name.replace("_", "-") for name in installed}
    return pytest.mark.skipif(absent, reason=f"{distribution} is not installed")


def of(run, form, **choice):
    return export(form, run, Choice(**choice))


def two_rounds(**changes):
    return a_run(
        scenarios=[a_scenario_record()],
        measurements=[a_measurement("one", i, started_s=2.0 * i, **changes) for i in range(2)],
    )


# -- what all have in common


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_without_measurements_cannot_be_exported(form):
    with pytest.raises(InputError, match="no "):
        of(a_run(), form)


@pytest.mark.parametrize("form", FORMATS)
def test_names_that_the_run_lacks_are_answered_with_the_nearest(form):
    with pytest.raises(UsageError, match=r"scenario 'smoke/on'.*did you mean 'smoke/one'"):
        of(two_rounds(), form, scenarios=("smoke/on",))
    with pytest.raises(UsageError, match=r"variant 'x'.*it has one"):
        of(two_rounds(), form, variants=("x",))


@pytest.mark.parametrize("form", FORMATS)
def test_a_choice_without_use_is_refused(form):
    for name, value in (("unit", "us"), ("histogram", "service")):
        if name in FORMATS[form].takes:
            assert of(two_rounds(), form, **{name: value}).text
        else:
            with pytest.raises(UsageError, match=f"--{name} says nothing to --format {form}"):
                of(two_rounds(), form, **{name: value})


@pytest.mark.parametrize("form", [form for form, of_form in FORMATS.items() if "histogram" in of_form.takes])
def test_an_unknown_histogram_is_refused(form):
    with pytest.raises(UsageError, match=r"histogram 'servce'.*'service'"):
        of(two_rounds(), form, histogram="servce")


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_names_are_text_in_every_format(form):
    run = a_run(scenarios=[a_scenario_record(id=HOSTILE)], measurements=[a_measurement(HOSTILE, 0, scenario=HOSTILE)])
    assert of(run, form).text.endswith("\n")


def test_names_that_pyperf_cannot_tell_apart_are_left_out():
    run = a_run(measurements=[a_measurement("b c", 0, scenario="a"), a_measurement("c", 0, scenario="a b")])
    assert of(run, "pyperf").left_out == ("a b c: another scenario and variant have the same name in pyperf",)


# -- hgrm


def test_the_percentiles_are_those_of_the_java_tool():
    run = read((HERE / "hdrhistogram_java.hlog").read_bytes(), "java.hlog")
    java = (HERE / "hdrhistogram_java.hgrm").read_text().splitlines()
    ours = of(run, "hgrm", variants=("A",), unit="us").text.splitlines()
    assert ours == [line for line in java if not line.startswith(("#[Written", "#[StartTime"))]


def test_units_and_batches_of_a_distribution():
    run = two_rounds(values_ns=[1500], timing="batch", operations_per_value=3)
    made = of(run, "hgrm", unit="ns")
    assert "means of batches of 3 operations" in made.notes[0]
    assert made.text.startswith("#[The values are means of batches")
    assert "     500.000 0.000000000000          2           1.00" in made.text
    assert "    0.000500 " in of(run, "hgrm").text


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300))
def test_a_distribution_rises_and_ends_at_all_values(values_ns):
    text = of(a_run(measurements=[a_measurement("one", 0, values_ns=values_ns)]), "hgrm", unit="ns").text
    rows = [[float(cell) for cell in line.split()] for line in text.splitlines()[2:] if not line.startswith("#")]
    assert rows == sorted(rows, key=lambda row: row[:3])
    assert (rows[0][1], rows[-1][1], rows[-1][2]) == (0, 1, len(values_ns))
    for value, percentile, count, *_ in rows:
        assert sum(one <= value for one in values_ns) == count
        assert count >= percentile * len(values_ns) - 1e-6


def test_a_distribution_is_of_one_variant_with_values():
    run = a_run(measurements=[a_measurement("one", 0), a_measurement("other", 0)])
    with pytest.raises(UsageError, match=r"this run has 2 \(smoke/one one, smoke/one other\)"):
        of(run, "hgrm")
    with pytest.raises(InputError, match="no value was recorded"):
        of(a_run(measurements=[without_values()]), "hgrm")
    uneven = a_run(measurements=[a_measurement("one", i, timing="batch", operations_per_value=1 + i) for i in range(2)])
    with pytest.raises(InputError, match=r"batches of \[1, 2\] operations"):
        of(uneven, "hgrm")


def without_values():
    one = a_measurement("one", 0)
    one.histograms["service"] = Histogram().encode()
    return one


# -- openmetrics


def families(text):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    return {one.name: one for one in text_string_to_metric_families(text)}


@needs("prometheus-client")
@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9 * 10**9), min_size=1, max_size=200))
def test_prometheus_counts_what_was_recorded(values_ns):
    run = a_run(measurements=[a_measurement("one", i, values_ns=values_ns) for i in range(2)])
    found = families(of(run, "openmetrics").text)
    latency = found["tickbench_latency_seconds"]
    buckets = [one for one in latency.samples if one.name.endswith("_bucket")]
    assert latency.unit == "seconds"
    assert math.isinf(float(buckets[-1].labels["le"]))
    for one in buckets:
        assert one.value == 2 * sum(value_ns <= float(one.labels["le"]) * 1e9 + 1e-3 for value_ns in values_ns)
    limits = [float(one.labels["le"]) for one in buckets[:-1]]
    assert all(b <= 1.13 * a + 1.001e-9 for a, b in itertools.pairwise(limits))
    total = next(one.value for one in latency.samples if one.name.endswith("_sum"))
    assert total == pytest.approx(2 * sum(values_ns) / 1e9, rel=1e-3, abs=1e-12)
    maximum = [s for s in found["tickbench_latency_percentile_seconds"].samples if s.labels["percentile"] == "max"]
    assert maximum[0].value == pytest.approx(max(values_ns) / 1e9, rel=1e-3, abs=1e-12)


@needs("prometheus-client")
def test_limits_are_the_same_in_every_run_whatever_the_geometry():
    def limits(geometry, shift):
        histogram = Histogram(geometry)
        histogram.record([5_000 + shift, 92_000 + 10 * shift])
        one = a_measurement("one", 0)
        one.histograms["service"] = histogram.encode()
        samples = families(of(a_run(measurements=[one]), "openmetrics").text)["tickbench_latency_seconds"].samples
        return {one.labels["le"] for one in samples if "le" in one.labels}

    fine = limits(HdrGeometry(), 0)
    assert limits(HdrGeometry(), 57) == fine
    assert limits(HdrGeometry(1, 10**10, 2), 0) == fine
    assert len(fine) < 50


@needs("prometheus-client")
def test_labels_and_counters_are_read_back_as_they_were():
    one = a_measurement(HOSTILE, 0, scenario="s", counters={"bytes": 2.5})
    run = a_run(measurements=[one, a_measurement(HOSTILE, 1, scenario="s", disturbed=True)])
    found = families(of(run, "openmetrics").text)
    assert {s.labels["variant"] for f in found.values() for s in f.samples if "variant" in s.labels} == {HOSTILE}
    assert [(s.labels["counter"], s.value) for s in found["tickbench_counter"].samples] == [("bytes", 2.5)]
    assert found["tickbench_run"].samples[0].labels["clock"] == "tsc"
    assert (found["tickbench_rounds"].samples[0].value, found["tickbench_disturbed_rounds"].samples[0].value) == (2, 1)
    assert found["tickbench_operation_mean_seconds"].samples[0].value == pytest.approx(1e-6)
    assert found["tickbench_operations_per_second"].samples[0].value == pytest.approx(1e6)


@needs("prometheus-client")
def test_batches_have_a_mean_and_no_percentiles_in_prometheus():
    made = of(two_rounds(timing="batch"), "openmetrics")
    assert "1 of 1 series are of batches" in made.notes[0]
    assert "tickbench_latency_seconds" not in families(made.text)


# -- otlp-json


def points(text, metric):
    from google.protobuf.json_format import Parse
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    request = Parse(text, ExportMetricsServiceRequest())
    scope = request.resource_metrics[0].scope_metrics[0]
    assert scope.scope.name == "tickbench"
    return request, [one for one in scope.metrics if one.name == metric]


@needs("opentelemetry-proto")
@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9 * 10**9), min_size=1, max_size=200))
def test_protobuf_reads_the_histograms_of_opentelemetry(values_ns):
    _, metrics = points(of(two_rounds(values_ns=values_ns), "otlp-json").text, "tickbench.latency")
    found = metrics[0].exponential_histogram.data_points
    assert [(one.start_time_unix_nano, one.time_unix_nano) for one in found] == [
        (1767225600_000_000_000, 1767225600_001_000_000),
        (1767225602_000_000_000, 1767225602_001_000_000),
    ]
    point = found[0]
    assert point.count == len(values_ns) == point.zero_count + sum(point.positive.bucket_counts)
    assert len(point.positive.bucket_counts) <= 160
    base = 2.0 ** (2.0**-point.scale)
    edges = [base ** (point.positive.offset + i) * 1e9 for i in range(len(point.positive.bucket_counts) + 1)]
    for i, many in enumerate(point.positive.bucket_counts):
        near = sum(edges[i] * (1 - 2e-3) < one <= edges[i + 1] * (1 + 2e-3) for one in values_ns)
        assert many <= near  # within the width of an HDR bucket
    assert point.zero_count == values_ns.count(0)
    assert point.max == pytest.approx(max(values_ns) / 1e9, rel=1e-3, abs=1e-12)


@needs("opentelemetry-proto")
def test_resource_attributes_and_batches_of_opentelemetry():
    made = of(two_rounds(timing="batch"), "otlp-json")
    request, latency = points(made.text, "tickbench.latency")
    assert not latency
    assert "2 of 2 measurements are of batches" in made.notes[0]
    known = {one.key: one.value.string_value for one in request.resource_metrics[0].resource.attributes}
    assert known["service.name"] == "tickbench"
    assert "vcs.ref.head.revision" not in known
    _, means = points(made.text, "tickbench.operation.mean")
    assert [one.as_double for one in means[0].gauge.data_points] == pytest.approx([1e-6] * 2)


# -- speedscope


def check_speedscope(document):
    """The rules of speedscope's file-format schema, and of its importer: weights add up, frames exist."""
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = document["shared"]["frames"]
    assert all(isinstance(one["name"], str) for one in frames)
    for profile in document["profiles"]:
        assert profile["type"] == "sampled"
        assert isinstance(profile["name"], str)
        assert profile["unit"] in ("none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes")
        assert len(profile["samples"]) == len(profile["weights"])
        assert all(0 <= index < len(frames) for stack in profile["samples"] for index in stack)
        assert all(weight >= 0 for weight in profile["weights"])
        assert profile["endValue"] - profile["startValue"] == pytest.approx(sum(profile["weights"]))
    assert 0 <= document["activeProfileIndex"] < len(document["profiles"])


def test_the_time_line_has_what_ran_and_what_lay_between():
    made = of(two_rounds(elapsed_ns=500_000_000), "speedscope")
    document = json.loads(made.text)
    check_speedscope(document)
    names = [one["name"] for one in document["shared"]["frames"]]
    stacks = [[names[index] for index in stack] for stack in document["profiles"][0]["samples"]]
    assert stacks[0] == ["sums", "smoke/one", "one", "one round 0"]
    assert stacks[1][0].startswith("(between measurements")
    assert document["profiles"][0]["weights"] == [0.5, 1.5, 0.5]
    assert not made.notes


def test_what_overlaps_or_has_no_time_is_noted():
    run = a_run(measurements=[a_measurement(name, 0, started_s=1.0) for name in ("one", "other")])
    made = of(run, "speedscope")
    check_speedscope(json.loads(made.text))
    assert made.notes == ("1 measurements began before another ended: they are put one after the other",)
    assert "do not say when they began" in of(a_run(measurements=[a_measurement("one", 0)]), "speedscope").notes[0]
