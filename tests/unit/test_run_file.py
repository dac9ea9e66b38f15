"""The run file: what is written can be read, hostile input is refused with its key, a full disk costs nothing."""

import errno
import json
import os

import pytest

from samples import a_measurement, a_run
from tickbench.errors import InputError
from tickbench.results import run_file
from tickbench.results.run_file import load, save


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "run.json"
    run = a_run(measurements=[a_measurement("a", 0), a_measurement("b", 1)])
    save(run, path)
    assert load(path) == run
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]
    document = json.loads(path.read_text())
    assert document["schema"] == "tickbench.run/1"
    wanted = {"scenario", "component", "variant", "round", "threads", "load", "timing", "unit", "operations", "elapsed_ns"}
    wanted |= {"verified", "percentiles", "histograms", "counters", "noise"}
    assert wanted <= document["measurements"][0].keys()


def test_keys_that_a_later_version_adds_are_passed_over(tmp_path):
    path = tmp_path / "run.json"
    save(a_run(), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"later": 1}))
    assert load(path) == a_run()


def _changed(document, key, value):
    *parents, last = key
    target = document
    for one in parents:
        target = target[one]
    target[last] = value
    return document


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (("schema",), "tickbench.run/2", "newer than this tickbench"),
        (("schema",), "other/1", "not a run file"),
        (("schema",), 1, "schema"),
        (("measurements",), {}, "measurements"),
        (("measurements", 0, "round"), -1, "measurements[0].round"),
        (("measurements", 0, "round"), "1", "measurements[0].round"),
        (("measurements", 0, "timing"), "sometimes", "measurements[0].timing"),
        (("measurements", 0, "percentiles"), {"50": "fast"}, "percentiles"),
        (("provenance", "tickbench"), None, "provenance.tickbench"),
        (("provenance", "cpus"), 1e400, "not a whole JSON document"),
    ],
)
def test_a_wrong_value_is_refused_with_file_and_key(tmp_path, key, value, told):
    path = tmp_path / "run.json"
    save(a_run(measurements=[a_measurement("a", 0)]), path)
    path.write_text(json.dumps(_changed(json.loads(path.read_text()), key, value)))
    with pytest.raises(InputError) as caught:
        load(path)
    assert "run.json" in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"[" * 200_000, b'{"schema": "tickbench.run/1"', b"\xff\xff", b"null"])
def test_what_is_no_run_file_is_refused(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"run\.json"):
        load(path)


def test_every_truncation_is_refused(tmp_path):
    path = tmp_path / "run.json"
    save(a_run(measurements=[a_measurement("a", 0)]), path)
    whole = path.read_bytes().rstrip()
    for end in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"run\.json"):
            load(path)


def test_a_full_disk_keeps_the_last_good_file(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    first = a_run(measurements=[a_measurement("a", 0)])
    save(first, path)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_file.os, "fsync", full)
    with pytest.raises(InputError, match=r"No space left on device.*last state that could be saved"):
        save(a_run(), path)
    with pytest.raises(InputError, match="nothing was saved"):
        save(a_run(), tmp_path / "other.json")
    assert load(path) == first
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot write the run file"):
        save(a_run(), tmp_path / "none" / "run.json")
    with pytest.raises(InputError, match="cannot read the run file"):
        load(tmp_path / "none.json")
