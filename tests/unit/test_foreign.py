"""Other tools' files in, pyperf out: nothing invented, nothing lost, and one clear line for what cannot be read."""

import json
from pathlib import Path

import pyperf
import pytest

from samples import a_measurement, a_run, a_scenario_record
from tickbench.errors import InputError
from tickbench.measure.stored import NotComparableError, compare_runs
from tickbench.results import run_file
from tickbench.results.exports import Choice, export
from tickbench.results.foreign import read
from tickbench.results.foreign_run import MOST_GROUPS

HERE = Path(__file__).parent
PYPERF = HERE / "foreign_pyperf.json"
PYTEST = HERE / "foreign_pytest_benchmark.json"


def pyperf_json(run):
    return export("pyperf", run, Choice())


def imported(path):
    return read(path.read_bytes(), path.name)


def changed(path, change):
    document = json.loads(path.read_text())
    change(document)
    return read(json.dumps(document).encode(), "file.json")


def test_a_pyperf_process_is_a_round():
    run = imported(PYPERF)
    adding = [one for one in run.measurements if one.scenario == "adding"]
    assert [one.round for one in adding] == [0, 1, 2, 3]
    assert {(one.component, one.variant, one.timing, one.verified) for one in adding} == {("pyperf", "main", "batch", False)}
    assert adding[0].operations == 3 * 1000
    assert adding[0].elapsed_ns == 21542  # 1000 loops of 7.361, 7.171 and 7.010 ns
    assert adding[0].percentiles == pytest.approx({"50": 7.171, "max": 7.361}, abs=1e-3)


def test_a_pytest_benchmark_round_keeps_its_iterations():
    run = imported(PYTEST)
    assert [one.id for one in run.scenarios] == [
        "test_x.py::test_sum[10]",
        "test_x.py::test_sum[100]",
        "test_x.py::test_grouped",
    ]
    assert run.scenarios[0].parameters == {"n": 10}
    assert (run.measurements[0].operations, run.measurements[0].elapsed_ns) == (50, 8673)


def test_many_rounds_of_one_process_become_groups_of_neighbours():
    def many(document):
        document["benchmarks"][0]["stats"]["data"] = [1e-6 * (i + 1) for i in range(105)]

    first = [one for one in changed(PYTEST, many).measurements if one.scenario.endswith("[10]")]
    assert len(first) == MOST_GROUPS
    assert sum(one.operations for one in first) == 105 * 50
    means = [one.elapsed_ns / one.operations for one in first]
    assert means == sorted(means)  # neighbours in time: the drift stays visible


@pytest.mark.parametrize("path", [PYPERF, PYTEST])
def test_provenance_says_what_the_file_says_and_no_host(path, tmp_path):
    run = imported(path)
    facts = run.provenance
    assert facts.cpu_model == "Some CPU"
    assert facts.kernel == "Linux 6.1.0 x86_64"
    assert facts.python == "CPython 3.11.7"
    assert facts.started_at.startswith("2026-11-24T17:30:05")
    assert facts.ended_at is not None  # else a baseline would take it for interrupted
    assert (facts.seed, facts.llvm_target_cpu, facts.clock.error_ppm) == (None, None, None)
    run_file.save(run, tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text()
    assert "host-name" not in text
    assert "/some/" not in text
    assert run_file.load(tmp_path / "run.json") == run


def test_memory_benchmarks_are_skipped_by_name():
    def bytes_too(document):
        document["benchmarks"][1]["metadata"]["unit"] = "byte"

    run = changed(PYPERF, bytes_too)
    assert [(one.scenario, one.reason) for one in run.skipped] == [("second", "measured in byte, not in seconds")]


def setting(*keys, to):
    def change(document):
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("path", "change", "named"),
    [
        (PYPERF, setting("benchmarks", 0, "runs", 1, "values", to=["x"]), r"benchmarks\[0\]\.runs\[1\]\.values"),
        (PYPERF, setting("benchmarks", 0, "runs", 1, "values", to=[-1.0]), r"values\[0\]"),
        (PYPERF, setting("benchmarks", to=[]), "benchmarks"),
        (PYPERF, setting("version", to="9.9"), "version"),
        (PYPERF, setting("benchmarks", 0, "metadata", "name", to=7), r"benchmarks\[0\]\.metadata\.name"),
        (PYPERF, setting("benchmarks", 1, "metadata", "name", to="adding"), "'adding' is there twice"),
        (PYPERF, setting("benchmarks", 0, "metadata", "name", to="a\x1b[2J"), "cannot be printed"),
        (PYPERF, setting("metadata", "loops", to=0), r"metadata\.loops"),
        (PYPERF, setting("metadata", "loops", to="many"), r"metadata\.loops"),
        (PYPERF, setting("metadata", "inner_loops", to=10**15), "not possible"),
        (PYTEST, setting("benchmarks", 1, "stats", "data", to=None), r"benchmarks\[1\]\.stats\.data"),
        (PYTEST, setting("benchmarks", 1, "stats", "iterations", to=0), "iterations"),
        (PYPERF, setting("benchmarks", 0, "runs", 2, "metadata", "date", to="x"), r"benchmarks\[0\]\.runs\.metadata\.date"),
        (PYTEST, setting("datetime", to=None), "datetime"),
        (PYTEST, setting("machine_info", to=3), "machine_info"),
        (PYTEST, setting("schema", to="tickbench.run/1"), "schema"),
    ],
)
def test_a_hostile_file_is_one_error_with_file_and_key(path, change, named):
    with pytest.raises(InputError, match=named) as caught:
        changed(path, change)
    assert str(caught.value).startswith("file.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"benchmarks": 1, "version"', b"null"])
def test_no_document_is_an_error(content):
    with pytest.raises(InputError, match=r"^file\.json: "):
        read(content, "file.json")


@pytest.mark.parametrize("path", [PYPERF, PYTEST])
def test_every_cut_is_an_error(path):
    content = path.read_bytes().rstrip()
    for length in range(0, len(content) - 1, 97):
        with pytest.raises(InputError):
            read(content[:length], "file.json")


def test_pyperf_reads_what_was_exported_and_import_gives_it_back():
    run = imported(PYPERF)
    suite = pyperf.BenchmarkSuite.loads(pyperf_json(run).text)
    original = pyperf.BenchmarkSuite.loads(PYPERF.read_text())
    assert suite.get_benchmark_names() == original.get_benchmark_names()
    for name in original.get_benchmark_names():
        assert suite.get_benchmark(name).mean() == pytest.approx(original.get_benchmark(name).mean(), rel=1e-4)
        assert suite.get_benchmark(name).get_metadata()["cpu_model_name"] == "Some CPU"
    again = read(pyperf_json(run).text.encode(), "again.json")
    assert [(m.operations, m.elapsed_ns) for m in again.measurements] == [
        (m.operations, m.elapsed_ns) for m in run.measurements
    ]


def test_names_survive_and_disturbed_rounds_are_left_out():
    name = "größe/Ωmega 価格 [a b]"
    measured = [a_measurement("one", i, scenario=name) for i in range(3)]
    measured += [
        a_measurement("one", 3, scenario=name, disturbed=True),
        a_measurement("other", 0, scenario=name, disturbed=True),
    ]
    export = pyperf_json(a_run(scenarios=[a_scenario_record(id=name)], measurements=measured))
    benchmark = pyperf.BenchmarkSuite.loads(export.text).get_benchmark(f"{name} one")
    assert benchmark.get_values() == pytest.approx((1e-6,) * 3)
    assert [one.partition(":")[0] for one in export.left_out] == [f"{name} other"]


def test_an_open_load_exports_its_response_time():
    run = a_run(scenarios=[a_scenario_record(open_loop=True)], measurements=[a_measurement("one", 0)])
    values = pyperf.BenchmarkSuite.loads(pyperf_json(run).text).get_benchmark("smoke/one one").get_values()
    assert values == pytest.approx((run.measurements[0].percentiles["50"] / 1e9,))


def test_a_run_without_rounds_cannot_be_exported():
    with pytest.raises(InputError, match="no round"):
        pyperf_json(a_run())


def test_unknown_facts_are_unknown_and_not_different():
    base, new = imported(PYTEST), imported(PYTEST)
    base.provenance.cpu_model = base.provenance.kernel = None
    comparison = compare_runs(base, new, "base", "new")
    assert not comparison.of("regression")
    assert any("the base run does not know its cpu_model, kernel" in note for note in comparison.notes)
    base.provenance.cpu_model = "Another CPU"
    with pytest.raises(NotComparableError, match="Another CPU"):
        compare_runs(base, new, "base", "new")
