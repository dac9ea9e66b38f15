"""The view of a run: what it says of runs that are whole, old, empty, interrupted and hostile."""

import base64
import zlib

import msgspec
import numpy as np
import pytest

from samples import a_measurement, a_run, a_scenario_record, a_variant_record
from stored_runs import a_stored_run
from tickbench.errors import InputError
from tickbench.kernels.hdr import Histogram, decode_buckets
from tickbench.measure import budgets, ledger
from tickbench.measure.gate import decide
from tickbench.measure.stored import compare_runs
from tickbench.render.view.build import build_report
from tickbench.render.view.curves import MOST_POINTS, curve_points
from tickbench.render.view.model import Report
from tickbench.render.view.sweeps import sweeps_of
from tickbench.render.view.texts import MOST_NAME, anchors
from tickbench.results.run_file import Interval, Skipped


def a_budget(ident, limit, **changes):
    given = {
        "id": ident,
        "section": "8.1",
        "name": ident,
        "reading": "r",
        "priority": "critical",
        "limit": limit,
        "unit": "us",
        "scenario": "smoke/one",
        "variant": "fast",
        "metric": "p99",
    }
    return budgets.Budget(**(given | changes))


def report_of(run, limits=(), claims=(), **options):
    judged = budgets.judge_run(run, limits)
    comparison = options.pop("comparison", None)
    promised = ledger.judge_run(run, claims)
    return build_report(run, "run.json", gate=decide(run, "run.json", judged, comparison), claims=promised, **options)


def two_variants(rounds=6, **record):
    slow = [a_measurement("slow", k, elapsed_ns=4_000_000, values_ns=range(1000, 5000)) for k in range(rounds)]
    fast = [a_measurement("fast", k, elapsed_ns=1_000_000, values_ns=range(100, 4100)) for k in range(rounds)]
    return a_run(
        scenarios=[a_scenario_record(rounds=rounds, **record)],
        variants=[a_variant_record("slow", reference=True), a_variant_record("fast")],
        measurements=[*slow, *fast],
    )


def test_a_whole_run_has_rows_curves_limits_and_a_finding_in_numbers():
    report = report_of(two_variants(), [a_budget("b", 5)])
    (scenario,) = report.scenarios
    assert [one.name for one in scenario.rows] == ["slow", "fast"]
    fast = scenario.rows[1]
    assert fast.ratio == pytest.approx(0.25)
    p99 = next(one for one in fast.percentiles if one.p == "99")
    assert p99.low_ns <= p99.value_ns <= p99.high_ns
    assert scenario.finding.startswith("fast is 4× [4, 4] faster than slow (p99 4.06 µs against ")
    assert [(one.name, one.role) for one in scenario.curves] == [("slow", "reference"), ("fast", "variant")]
    assert [(one.p, one.limit_ns) for one in scenario.limits] == [("99", 5000.0)]
    assert report.verdict.status == "passed"
    assert report.budgets[0].share == pytest.approx(0.8, abs=0.02)
    assert len(report.method) == 6


def test_a_view_is_plain_data_that_comes_back_from_json():
    report = report_of(two_variants(), [a_budget("b", 5)])
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_a_baseline_gives_dashed_curves_and_a_comparison_its_rows():
    base, new = a_stored_run(1), a_stored_run(2, slower={("smoke/one", "plain"): 1.3})
    report = report_of(new, comparison=compare_runs(base, new, "base", "new", shift={"throughput": 0.005}))
    assert report.comparison is not None
    assert report.comparison.rows[0].verdict == "regression"
    assert report.verdict.status == "failed"
    drawn = report_of(two_variants(), baseline=two_variants()).scenarios[0].curves
    assert [one.role for one in drawn] == ["reference", "baseline", "variant", "baseline"]


def test_batches_have_no_curves_and_say_so():
    scenario = report_of(a_stored_run(1)).scenarios[0]
    assert scenario.batch
    assert scenario.curves == scenario.limits == ()
    assert "batch mean" in scenario.finding


def test_the_waterfall_puts_the_stages_behind_each_other():
    limits = [a_budget("one", 6), a_budget("two", 10, priority="external", scenario=None, metric=None, not_measured="not ours")]
    total = a_budget("total", 20, scenario=None, metric=None, not_measured="a sum is no measurement", sum_of=["one"])
    found = report_of(two_variants(), [*limits, total]).waterfall
    assert [(one.start_us, one.allowed_us) for one in found.stages] == [(0, 6), (6, 10)]
    assert found.stages[0].measured_us == pytest.approx(4.06, rel=0.01)
    assert (found.total_us, found.unallotted_us, found.total_measured_us) == (20, 4, None)
    assert found.finding.startswith("1 of 2 stages of 20 µs were measured")


def test_runs_without_anything_say_so():
    report = report_of(a_run())
    assert report.verdict.status == "not judged"
    assert report.scenarios == report.sweeps == report.memory == ()
    lonely = a_run(
        scenarios=[a_scenario_record()],
        variants=[a_variant_record("one")],
        skipped=[Skipped(scenario="smoke/one", component="sums", variant="one", reason="no library")],
    )
    assert report_of(lonely).scenarios[0].finding == "Nothing was measured: 0 failures, 1 variants left out."


def test_an_interrupted_run_warns():
    run = two_variants()
    run.provenance.interrupted = True
    run.provenance.clean = False
    warned = {one.name for one in report_of(run).facts if one.warning}
    assert {"ended", "work tree"} <= warned
    assert report_of(run).verdict.status == "invalid"


def test_an_imported_run_does_not_claim_our_method():
    assert "imported" in report_of(two_variants(suite="foreign")).method[0]


def test_a_name_of_a_megabyte_is_cut_and_control_characters_stay_text():
    name = "<script>" + "x" * 1_000_000
    run = a_run(
        scenarios=[a_scenario_record(why=name)], variants=[a_variant_record(name)], measurements=[a_measurement(name, 0)]
    )
    scenario = report_of(run).scenarios[0]
    assert len(scenario.rows[0].name) == MOST_NAME
    assert scenario.rows[0].name.endswith("…")
    assert len(msgspec.json.encode(scenario)) < 30_000
    assert anchors(['"><svg', '"><svg', "é"]) == ["svg", "svg-1", "part"]


def test_a_broken_histogram_is_named():
    run = a_run(
        scenarios=[a_scenario_record()],
        variants=[a_variant_record("one")],
        measurements=[a_measurement("one", 0, histograms={"service": "AAAA"})],
    )
    with pytest.raises(InputError, match=r"smoke/one one round 0: histograms\.service"):
        report_of(run)


def test_drift_is_told_from_the_order_of_the_workers():
    rows = [
        a_measurement(name, k, elapsed_ns=1_000_000 + 20_000 * k, started_s=float(k)) for k in range(10) for name in ("a", "b")
    ]
    run = a_run(scenarios=[a_scenario_record()], variants=[a_variant_record("a"), a_variant_record("b")], measurements=rows)
    order = report_of(run).scenarios[0].order
    assert order.drift_percent == pytest.approx(100 * (1.17 / 1.02 - 1), abs=2)
    assert "slower towards the end" in order.finding
    assert "the file" in report_of(two_variants()).scenarios[0].order.finding


def test_a_heat_map_has_a_column_an_interval_and_loses_no_value():
    def part(values):
        recorded = Histogram()
        recorded.record(list(values))
        return recorded.encode()

    values = [range(1, 501), range(501, 1001)]
    intervals = [Interval(start_ns=k * 10**9, end_ns=(k + 1) * 10**9, histogram=part(one)) for k, one in enumerate(values)]
    one = a_measurement("a", 0, started_s=5.0, intervals=intervals)
    other = a_measurement("a", 1, started_s=9.0)
    run = a_run(scenarios=[a_scenario_record()], variants=[a_variant_record("a")], measurements=[one, other])
    (found,) = report_of(run).scenarios[0].heatmaps
    assert [(c.start_s, c.end_s, c.round) for c in found.columns] == [(5.0, 6.0, 0), (6.0, 7.0, 0), (9.0, 9.001, 1)]
    assert [sum(c.counts) for c in found.columns] == [500, 500, 1000]
    assert all(len(c.counts) == len(found.edges_ns) - 1 for c in found.columns)
    assert found.columns[0].p50_ns == 250


def test_a_sweep_finds_where_two_variants_change_places():
    scenarios = [a_scenario_record(id=f"s@n={n}", point={"n": n}) for n in (10, 20)]
    cost = {("a", 10): 1_000_000, ("a", 20): 4_000_000, ("b", 10): 2_000_000, ("b", 20): 3_000_000}
    rows = [
        a_measurement(name, k, scenario=f"s@n={n}", elapsed_ns=cost[name, n])
        for name in "ab"
        for n in (10, 20)
        for k in range(5)
    ]
    run = a_run(scenarios=scenarios, variants=[a_variant_record("a"), a_variant_record("b")], measurements=rows)
    (found,) = sweeps_of(run)
    assert found.crossings == ((15.0, "a", "b"),)
    assert "b overtakes a near 15" in found.finding


@pytest.mark.parametrize("seed", range(5))
def test_a_curve_is_that_of_all_samples_to_the_pixel(seed):
    rng = np.random.default_rng(seed)
    histogram = Histogram()
    histogram.record(np.exp(rng.normal(6, 1, 200_000)).astype(np.int64) + 1)
    nines, latency = curve_points(histogram)
    assert len(nines) <= MOST_POINTS
    at = np.geomspace(1.01, nines[-1], 300)
    exact = np.log10([histogram.percentile(round(100 * (1 - 1 / one), 9)) for one in at])
    dense = np.linspace(0, np.log(nines[-1]), 20_000)
    drawn = np.interp(dense, np.log(nines), np.log10(latency))
    across, up = 512 / np.log(nines[-1]), 300 / np.ptp(np.log10(latency))
    off = [np.min(np.hypot((dense - x) * across, (drawn - y) * up)) for x, y in zip(np.log(at), exact, strict=True)]
    assert max(off) < 1.5
    assert histogram.count * (1 / nines[-1]) >= 10 - 1e-2


def test_sparse_decoding_reads_what_the_package_writes():
    rng = np.random.default_rng(7)
    for values in ([], [0], [1, 1, 10**9], rng.integers(0, 10**7, 5000)):
        histogram = Histogram()
        histogram.record(list(map(int, values)))
        found = decode_buckets(histogram.encode())
        counts = np.zeros(found.geometry.counts_len, dtype=np.int64)
        counts[found.index] = found.counts
        assert found.geometry == histogram.geometry
        assert np.array_equal(counts, histogram.counts)


@pytest.mark.parametrize("hostile", ["", "x", "AAAA", "HISTFAAAA", "é", base64.b64encode(zlib.compress(b"a" * 99)).decode()])
def test_sparse_decoding_refuses_anything_else(hostile):
    with pytest.raises(InputError, match="not an encoded HdrHistogram"):
        decode_buckets(hostile)


def test_sparse_decoding_refuses_a_cut_or_overlong_text():
    histogram = Histogram()
    histogram.record(list(range(1, 3000, 7)))
    text = histogram.encode()
    with pytest.raises(InputError):
        decode_buckets(text[:40])
    raw = base64.b64decode(text)
    inner = bytearray(zlib.decompress(raw[8:]))
    inner += b"\xff" * 12
    packed = zlib.compress(bytes(inner))
    forged = base64.b64encode(raw[:4] + len(packed).to_bytes(4, "big") + packed).decode()
    with pytest.raises(InputError):
        decode_buckets(forged)
