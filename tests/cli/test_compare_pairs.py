"""`tickbench compare` of two sides in turns: programs with a clock of their own, a real C program, a revision."""

import json
import shutil
import subprocess
import sys

import pytest

from cli.command import FAKE, GOOD, SCENARIO, tickbench, tickbench_process

SIDE = f"{sys.executable} {FAKE / 'pair_side.py'}"


def compare(tmp_path, a, b, *more):
    done = tickbench(
        "compare", "--command-a", a, "--command-b", b, "--seed", "1", "--json", "--no-canaries", *more, cwd=tmp_path
    )
    return done, json.loads(done.stdout) if done.stdout else None


def findings(document):
    return {one["metric"]: one for one in document["findings"]}


def test_identical_programs_pass(tmp_path):
    done, document = compare(tmp_path, f"{SIDE} 1", f"{SIDE} 1.0")

    assert done.returncode == 0, done.stderr
    assert document["schema"] == "tickbench.comparison/1"
    assert findings(document)["throughput"]["verdict"] == "unchanged"


def test_the_gate_can_fail_on_an_injected_slowdown_of_ten_percent(tmp_path):
    done, document = compare(tmp_path, f"{SIDE} 1", f"{SIDE} 1.1")

    assert done.returncode == 1, done.stderr
    one = findings(document)["throughput"]
    assert one["verdict"] == "regression"
    assert one["effect"]["low"] < 1.1 < one["effect"]["high"]
    assert "twice" in one["judgement"]["reason"]  # it was measured again


def test_a_speed_up_is_no_failure(tmp_path):
    done, document = compare(tmp_path, f"{SIDE} 1.1", f"{SIDE} 1")

    assert done.returncode == 0
    assert findings(document)["throughput"]["verdict"] == "improvement"


@pytest.mark.parametrize(
    ("side", "status", "told"),
    [
        ("1 digest=other", 2, "do not compute the same"),
        ("1 version=9", 2, "version '9'"),
        ("1 garbage", 2, "expects 'took'"),
        ("1 dies", 2, "no more paper"),
        ("1 wrong=two_and_two_are_five", 1, "two_and_two_are_five"),
    ],
)
def test_a_side_that_is_at_fault_is_named(tmp_path, side, status, told):
    done, document = compare(tmp_path, f"{SIDE} 1", f"{SIDE} {side}")

    assert done.returncode == status
    assert not document["findings"]
    assert told in " ".join(document["wrong"] + document["refused"])
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--command-a", "true"], "--command-b go together"),
        (["--command-a", "true", "--command-b", "no-such-program"], "no program 'no-such-program'"),
        (["--command-a", "'true", "--command-b", "true"], "No closing quotation"),
        (["--variant-a", "plain", "--variant-b", "twice", "--command-a", "true", "--command-b", "true"], "one thing at a time"),
        (["--revision", "no-such-revision", SCENARIO], "not in a git repository"),
    ],
)
def test_bad_usage_is_one_line(tmp_path, arguments, told):
    _is_one_line(tickbench("compare", *arguments, cwd=tmp_path), told)


def test_a_variant_of_the_users_own_that_there_is_not_is_one_line(tmp_path):
    pair = ("--variant-a", "plain", "--variant-b", "twise")
    _is_one_line(tickbench_process("compare", *pair, SCENARIO, *GOOD, cwd=tmp_path), "twice")


def _is_one_line(done, told):
    assert done.returncode == 2
    assert told in done.stderr
    assert sum(line.startswith("tickbench: ") for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.cores
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_two_c_programs(tmp_path):
    """Twice the work: far beyond what any neighbour does to the median of the quads."""
    program = tmp_path / "pair_side"
    subprocess.run(["cc", "-O2", "-o", program, FAKE / "pair_side.c"], check=True)

    done, document = compare(tmp_path, f"{program} 64", f"{program} 128", "xorshift")

    one = findings(document)["throughput"]
    assert (one["scenario"], one["verdict"], done.returncode) == ("xorshift", "regression", 1)
    assert 1.5 < one["effect"]["ratio"] < 2.7


def git(folder, *arguments):
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=folder, check=True, capture_output=True
    )


def test_a_revision_that_git_does_not_know(tmp_path):
    git(tmp_path, "init", "-q")
    done = tickbench("compare", "--revision", "v99", SCENARIO, cwd=tmp_path)

    assert done.returncode == 2
    assert "git knows no such revision" in done.stderr
