"""`tickbench compare BASE NEW`: exit statuses, formats that names cannot break, bad input."""

import errno
import json
import os
import re
import time
from xml.etree import ElementTree as ET

import msgspec
import pytest

from cli.command import tickbench, tickbench_process
from stored_runs import a_stored_run
from tickbench.cli._output import write_document
from tickbench.errors import InputError
from tickbench.results.run_file import save

HOSTILE = 'x<script>alert(1)</script>|`]]>\x1b[31m"&\n::error::gotcha,%0A'


def stored(folder, name, seed, **changes):
    save(a_stored_run(seed, **changes), folder / name)
    return name


def test_exit_statuses(tmp_path):
    base = stored(tmp_path, "base.json", 1)
    same, slow = stored(tmp_path, "same.json", 2), stored(tmp_path, "slow.json", 3, slower={("smoke/one", "plain"): 1.10})
    done = tickbench("compare", base, same, "--shift", "0.5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = tickbench("compare", base, slow, "--shift", "0.5", cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(r"smoke/one +plain +throughput .*regression", done.stdout.splitlines()[2])
    assert tickbench("compare", base, slow, cwd=tmp_path).returncode == 0  # 6 % from run to run: nothing is shown
    done = tickbench("compare", base, stored(tmp_path, "other.json", 2, workload="other"), cwd=tmp_path)
    assert done.returncode == 2
    assert "another workload" in done.stderr
    done = tickbench("compare", base, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    eight = tuple(f"smoke/s{k}" for k in range(8))
    base = stored(tmp_path, "base8.json", 1, scenarios=eight)
    done = tickbench("compare", base, stored(tmp_path, "moved.json", 2, scenarios=eight, shift=1.2), cwd=tmp_path)
    assert done.returncode == 3
    assert "not to be believed: 8 of 8 scenarios" in done.stdout


def test_runs_of_which_nothing_can_be_told_do_not_pass(tmp_path):
    done = tickbench("compare", stored(tmp_path, "a.json", 1), stored(tmp_path, "b.json", 2, rounds=1), cwd=tmp_path)
    assert done.returncode == 2
    assert "2 undisturbed rounds a side are needed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("a.json", "b.json", "--variant", "plain"), "--variant is for sides that are measured in pairs"),
        (("a.json", "b.json", "--no-canaries"), "--canaries is for sides"),
        (("smoke", "--revision", "HEAD", "--shift", "1"), "--shift is for stored runs"),
        (("--command-a", "true", "--command-b", "true", "--impls", "x.py"), "--impls is for scenarios"),
        (("a", "b", "--command-a", "true", "--command-b", "true"), "one name, for the report, is enough: got 2"),
        (("--revision", "", "smoke"), "--revision"),
    ],
)
def test_an_option_that_would_mean_nothing_is_refused(tmp_path, arguments, told):
    done = tickbench("compare", *arguments, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert told in done.stderr


@pytest.mark.parametrize("form", ["json", "markdown", "junit", "github"])
def test_hostile_names_break_no_format(tmp_path, form):
    names = {"scenarios": (HOSTILE,), "variants": (HOSTILE, "plain")}
    base = stored(tmp_path, "base.json", 1, **names)
    slow = stored(tmp_path, "slow.json", 2, slower={(HOSTILE, HOSTILE): 1.5}, **names)
    done = tickbench("compare", base, slow, "--shift", "0.5", "--format", form, "-o", f"out.{form}", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    text = (tmp_path / f"out.{form}").read_text()
    if form == "json":
        assert json.loads(text)["schema"] == "tickbench.comparison/1"
        return
    if form == "junit":
        suite = ET.fromstring(text).find("testsuite")
        assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "\x1b" not in text or form == "github"
    assert "<script>" not in text or form == "github"  # a workflow command is text, not HTML
    for line in text.splitlines():
        assert not line.startswith("::error::gotcha")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_one_line(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    base = stored(tmp_path, "base.json", 1)
    done = tickbench("compare", base, base, "-o", "closed/out.md", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "tickbench: cannot write closed/out.md: Permission denied\n")


def test_an_output_in_no_folder_is_one_line(tmp_path):
    base = stored(tmp_path, "base.json", 1)
    done = tickbench("compare", base, base, "-o", "none/out.md", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "tickbench: cannot write none/out.md: No such file or directory\n")


def test_a_full_disk_leaves_the_last_output_whole(tmp_path, monkeypatch):
    (tmp_path / "out.md").write_text("of yesterday")

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"out\.md: No space left on device"):
        write_document("of today", str(tmp_path / "out.md"))
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("out.md", "of yesterday")]


def test_an_output_may_be_a_device(tmp_path):
    base = stored(tmp_path, "base.json", 1)
    done = tickbench_process("compare", base, base, "--format", "markdown", "-o", "/dev/stdout", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "| smoke/one | plain |" in done.stdout


def test_names_in_an_error_do_not_drive_the_terminal(tmp_path):
    run = a_stored_run(1)
    run.measurements[0] = msgspec.structs.replace(run.measurements[0], scenario="x\x1b[31m")
    save(run, tmp_path / "run.json")
    done = tickbench("compare", "run.json", "run.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "scenario x [31m is not among" in done.stderr


def test_a_truncated_run_file_is_one_line(tmp_path):
    base = stored(tmp_path, "base.json", 1)
    whole = (tmp_path / base).read_bytes()
    (tmp_path / "cut.json").write_bytes(whole[: len(whole) // 2])
    done = tickbench("compare", base, "cut.json", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "cut.json: not a whole JSON document" in done.stderr


def test_two_runs_of_200_measurements_need_no_compiler_and_little_time(tmp_path):
    from tickbench.measure.stored import compare_runs
    from tickbench.results.run_file import load

    many = {"scenarios": tuple(f"smoke/s{k}" for k in range(20)), "rounds": 5}
    names = [stored(tmp_path, "base.json", 1, **many), stored(tmp_path, "new.json", 2, **many)]
    began = time.process_time()
    base, new = (load(tmp_path / name) for name in names)
    compare_runs(base, new, *names)
    assert (len(base.measurements), time.process_time() - began < 10) == (200, True)  # 0.1 s; only what is absurd fails
    done = tickbench("compare", *names, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
