"""Baselines: copies of run files under a name; names that escape, partial runs and taken names are refused."""

import pytest

from samples import a_measurement, a_run
from tickbench.errors import InputError, UsageError
from tickbench.results import baselines
from tickbench.results.run_file import save


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    return tmp_path


def _run_file(folder, name="run.json", *, interrupted=False, ended_at="2026-01-01T00:01:00Z", measured=True):
    run = a_run(measurements=[a_measurement("a", 0)] if measured else [])
    run.provenance.interrupted, run.provenance.ended_at = interrupted, ended_at
    save(run, folder / name)
    return folder / name


def test_a_baseline_is_a_plain_copy_below_the_project_root(project):
    run = _run_file(project)
    path = baselines.save("main", run)
    assert path == project / ".tickbench" / "baselines" / "main.json"
    assert path.read_bytes() == run.read_bytes()
    assert baselines.names() == ["main"]
    assert baselines.find("main") == path
    assert baselines.find(str(run)) == run
    baselines.remove("main")
    assert baselines.names() == []


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "../x", "a/b", "-o", "a b", "a\n", "x.json", "ä", "a\0", "n" * 101])
def test_a_name_that_cannot_be_a_file_of_its_own_is_refused(project, name):
    with pytest.raises(UsageError, match="cannot name a baseline"):
        baselines.save(name, _run_file(project))


def test_a_taken_name_is_replaced_with_force_only(project):
    first, second = _run_file(project), _run_file(project, "two.json", ended_at="2026-01-02T00:00:00Z")
    path = baselines.save("main", first)
    with pytest.raises(UsageError, match="--force"):
        baselines.save("main", second)
    assert path.read_bytes() == first.read_bytes()
    baselines.save("main", second, force=True)
    assert path.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"measured": False}, "no measurement"), ({"interrupted": True}, "interrupted"), ({"ended_at": None}, "interrupted")],
)
def test_a_run_that_is_empty_or_partial_is_refused(project, changes, told):
    with pytest.raises(InputError, match=told):
        baselines.save("main", _run_file(project, **changes))


def test_an_unknown_name_is_answered_with_the_nearest(project):
    baselines.save("release-1", _run_file(project))
    with pytest.raises(UsageError, match="did you mean release-1"):
        baselines.find("relaese-1")
    with pytest.raises(UsageError, match=r"no run file nowhere\.json"):
        baselines.find("nowhere.json")


def test_a_damaged_baseline_does_not_hide_the_others(project):
    baselines.save("good", _run_file(project))
    (project / ".tickbench" / "baselines" / "bad.json").write_text("{")
    found = {name: run for name, _, run in baselines.read_all()}
    assert isinstance(found["bad"], InputError)
    assert found["good"].measurements
