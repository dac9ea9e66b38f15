"""`tickbench run` and `verify` with variants that work and with variants that fail in every way."""

import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from cli.command import BAD, FAKE, GOOD, SCENARIO, run_file, tickbench
from tickbench.results.run_file import SCHEMA, load


def test_a_run_measures_every_fitting_variant_in_every_round(tmp_path):
    done = tickbench("run", SCENARIO, *GOOD, "--rounds", 3, "--seconds", 0.02, "-o", "run.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = run_file(tmp_path / "run.json")
    assert run["schema"] == SCHEMA
    measured = sorted((one["variant"], one["round"]) for one in run["measurements"])
    assert measured == sorted((name, k) for name in ("plain", "twice", "null") for k in range(3))
    assert all(one["verified"] and one["operations"] > 0 and one["histograms"] for one in run["measurements"])
    starts_s = [one["started_s"] for one in run["measurements"]]
    assert starts_s == sorted(starts_s)
    assert all(one["started_s"] > 0 and one["intervals"] for one in run["measurements"])
    assert "rounded" in {one["variant"] for one in run["skipped"]}
    for word in ("plain", "twice", "p99", "operations/s", "run file: run.json"):
        assert word in done.stdout
    assert load(tmp_path / "run.json").provenance.seed == run["provenance"]["seed"]


def test_the_order_of_a_round_is_shuffled_and_decided_by_the_seed(tmp_path):
    def order(seed, name):
        tickbench("run", SCENARIO, *GOOD, "--rounds", 5, "--seconds", 0.01, "--seed", seed, "-o", name, cwd=tmp_path)
        return [(one["variant"], one["round"]) for one in run_file(tmp_path / name)["measurements"]]

    first = order(7, "a.json")
    assert first == order(7, "b.json")
    rounds = [[name for name, k in first if k == wanted] for wanted in range(5)]
    assert all(sorted(one) == sorted(rounds[0]) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1


@pytest.mark.parametrize(
    ("variant", "kind", "told"),
    [
        ("wrong", "wrong", "got -1"),
        ("wrong_later", "wrong", "20 + 22 is not 42"),
        ("raises", "raised", "cannot add 0 and 1"),
        ("leaves", "crashed", "last words on stderr"),
        ("wild", "crashed", "SIGSEGV"),
        ("hangs", "timed_out", ""),
    ],
)
def test_a_variant_that_fails_is_named_and_the_others_are_measured(tmp_path, variant, kind, told):
    done = tickbench(
        *("run", SCENARIO, *GOOD, *BAD, "--variant", variant, "--variant", "plain", "--rounds", 1),
        *("--seconds", 0.02, "--timeout", 3, "-o", "run.json"),
        cwd=tmp_path,
    )
    run = run_file(tmp_path / "run.json")
    assert {one["variant"] for one in run["measurements"]} == {"plain"}
    assert {(one["variant"], one["kind"]) for one in run["failures"]} == {(variant, kind)}
    assert told in str(run["failures"])
    assert variant in done.stdout
    assert done.returncode == (1 if kind == "wrong" else 3)
    assert "Traceback" not in done.stdout


def test_a_variant_that_cannot_run_here_says_why_and_fails_nothing(tmp_path):
    done = tickbench(
        *("run", SCENARIO, *GOOD, *BAD, "--variant", "elsewhere", "--variant", "plain", "--rounds", 1),
        *("--seconds", 0.02, "-o", "run.json"),
        cwd=tmp_path,
    )
    assert "needs a machine with an abacus" in done.stdout
    assert {one["variant"] for one in run_file(tmp_path / "run.json")["measurements"]} == {"plain"}
    assert done.returncode == 0


def test_verify_says_which_variants_are_right(tmp_path):
    assert tickbench("verify", SCENARIO, *GOOD, cwd=tmp_path).returncode == 0
    done = tickbench("verify", SCENARIO, *GOOD, *BAD, "--variant", "wrong", "--variant", "plain", "--json", cwd=tmp_path)
    assert done.returncode == 1
    document = msgspec.json.decode(done.stdout)
    assert document["schema"] == "tickbench.verify/1"
    assert {one["variant"]: one["passed"] for one in document["verdicts"]} == {"wrong": False, "plain": True}


def test_ctrl_c_keeps_what_was_measured(tmp_path):
    command = [sys.executable, "-m", "tickbench", "run", SCENARIO, *GOOD, "--rounds", "500", "--seconds", "0.05"]
    running = subprocess.Popen([*command, "-o", "run.json"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    path, deadline = tmp_path / "run.json", time.monotonic() + 60
    while time.monotonic() < deadline and not (path.exists() and len(run_file(path)["measurements"]) >= 2):
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"Traceback" not in stderr
    run = run_file(path)
    assert len(run["measurements"]) >= 2
    assert run["provenance"]["interrupted"] is True


def test_a_second_run_of_a_suite_compiles_nothing(tmp_path):
    arguments = ("run", "smoke/order-book-latency", "--variant", "mutex_hash", "--rounds", 1, "--seconds", 0.01)
    for name in ("first.json", "second.json"):
        done = tickbench(*arguments, "-o", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    provenance = run_file(tmp_path / "second.json")["provenance"]
    assert provenance["kernel_cache_misses"] == 0
    assert provenance["kernel_cache_hits"] > 0


def test_a_worker_loads_no_plotting_and_no_terminal_packages(tmp_path):
    impls = tmp_path / "spy.py"
    impls.write_text(
        "import sys\nfrom tickbench.registry import variant\n"
        "@variant('sums', runtime='python', example_of='a look around', capabilities=['exact'])\n"
        "def spy(config):\n"
        "    loaded = sorted({'matplotlib', 'rich', 'click', 'jinja2', 'scipy', 'sqlalchemy', 'pyperf'} & sys.modules.keys())\n"
        "    assert not loaded, loaded\n"
        "    return lambda a, b: a + b\n"
    )
    done = tickbench(
        *("run", SCENARIO, *GOOD, "--impls", impls, "--variant", "spy", "--rounds", 1, "--seconds", 0.01), cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout


def test_a_reader_who_leaves_is_no_error(tmp_path):
    command = f"{sys.executable} -m tickbench list variants | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_refused_before_anything_runs(tmp_path):
    tmp_path.chmod(0o500)
    done = tickbench("run", SCENARIO, *GOOD, "-o", tmp_path / "run.json", cwd="/")
    assert done.returncode == 2
    assert "not writable" in done.stderr


def test_scenario_files_are_checked_by_key(tmp_path):
    text = (FAKE / "adding.toml").read_text()
    for wrong, told in (
        (text.replace("rounds = 2", "rouns = 2"), "rounds"),
        (text.replace("rounds = 2", "rounds = 'two'"), "rounds"),
        (text.replace("why", "wy"), "why"),
        (text.replace("[", "[["), "TOML"),
        (text.replace('workload = "adding"', 'workload = "addin"'), "adding"),
    ):
        path = tmp_path / "mine.toml"
        path.write_text(wrong)
        done = tickbench("run", path, *GOOD, cwd=tmp_path)
        assert done.returncode == 2
        assert told in done.stderr
        assert "mine" in done.stderr
        assert "Traceback" not in done.stderr
