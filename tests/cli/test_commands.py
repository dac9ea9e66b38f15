"""The command line: quick help, typos that are answered, JSON with a schema, doctor, jitter and feed."""

import json
import subprocess
import sys

import pytest

from cli.command import tickbench, tickbench_process
from patience import STUCK_S
from tickbench.measure.doctor import examine


def test_help_imports_neither_numpy_nor_numba():
    code = (
        "import sys; from tickbench.cli import main; main(['--help']); "
        "print(sorted({'numpy', 'numba', 'scipy', 'matplotlib', 'rich'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=STUCK_S, check=True)
    assert "Commands:" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("rum",), "run"),
        (("run", "smok"), "smoke"),
        (("run", "smoke", "--variant", "mutex_hsah"), "mutex_hash"),
        (("run", "smoke", "--component", "order_bok"), "order_book"),
        (("run", "smoke", "--round", "1"), "--rounds"),
        (("run", "smoke", "--rounds", "0"), "--rounds"),
        (("run", "smoke", "--rounds", "x"), "--rounds"),
        (("run", "smoke", "--seconds", "-1"), "--seconds"),
        (("run", "smoke", "--seconds", "nan"), "--seconds"),
        (("run", "smoke", "--feed", "nowhere.jsonl"), "nowhere.jsonl"),
        (("run", "smoke", "--feed", "synthetic:sede=1"), "seed"),
        (("run", "smoke", "--impls", "nowhere.py"), "nowhere.py"),
        (("run", "smoke", "--impls", "no.such.module"), "no.such.module"),
        (("verify", "smok"), "smoke"),
        (("list", "variant"), "variants"),
        (("jitter", "-d", "0"), "duration"),
        (("feed", "nowhere.jsonl"), "nowhere.jsonl"),
    ],
)
def test_a_typo_gets_one_line_with_the_remedy(tmp_path, arguments, told):
    done = tickbench(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    *progress, error = done.stderr.strip().splitlines()
    assert error.startswith("tickbench: ")
    assert told in error
    assert not [line for line in progress if "Traceback" in line or line.startswith("tickbench: ")]
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("kind", ["components", "variants", "scenarios", "suites"])
def test_lists_are_json_with_a_schema(tmp_path, kind):
    document = json.loads(tickbench("list", kind, "--json", cwd=tmp_path).stdout)
    assert document["schema"] == "tickbench.list/1"
    assert document[kind]


def test_every_scenario_says_why(tmp_path):
    document = json.loads(tickbench("list", "scenarios", "--json", cwd=tmp_path).stdout)
    assert {one["id"].split("/")[0] for one in document["scenarios"]} >= {"smoke", "full"}
    assert all(len(one["why"]) > 40 for one in document["scenarios"])


def test_doctor_and_jitter_answer_in_json(tmp_path):
    doctor = json.loads(tickbench_process("doctor", "--json", cwd=tmp_path).stdout)
    assert doctor["schema"] == "tickbench.doctor/1"
    assert {"clock", "cores", "frequency governor"} <= {one["check"] for one in doctor["findings"]}
    jitter = json.loads(tickbench_process("jitter", "-d", "0.05", "--json", cwd=tmp_path).stdout)
    assert jitter["schema"] == "tickbench.jitter/1"
    assert all(0 <= one["lost_percent"] <= 100 for one in jitter["cores"])


def test_doctor_warns_of_what_it_sees_and_names_the_remedy(tmp_path):
    cpu = tmp_path / "sys/devices/system/cpu"
    (cpu / "cpu0/cpufreq").mkdir(parents=True)
    (cpu / "cpu0/cpufreq/scaling_governor").write_text("powersave\n")
    (cpu / "smt").mkdir()
    (cpu / "smt/active").write_text("1\n")
    found = {one.check: one for one in examine(tmp_path)}
    assert (found["frequency governor"].state, found["frequency governor"].seen) == ("warning", "powersave")
    assert "performance" in found["frequency governor"].remedy
    assert found["SMT"].state == "warning"
    assert found["hypervisor"].state == "not available"


def test_feed_shows_a_feed_beside_the_built_in_one(tmp_path):
    done = tickbench("feed", "synthetic:seed=5,events=100", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "share deletes" in done.stdout
    document = json.loads(tickbench("feed", "synthetic:seed=5,events=100", "--json", cwd=tmp_path).stdout)
    assert document["schema"] == "tickbench.feed/1"
    assert document["traits"]["updates"] > 0
