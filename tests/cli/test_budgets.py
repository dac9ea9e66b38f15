"""`tickbench budgets RUN` and `tickbench list budgets`."""

import json

import pytest

from cli.command import tickbench
from samples import a_measurement, a_run, a_scenario_record
from tickbench.results.run_file import save

MINE = """
[[budget]]
id = "sum"
section = "1"
name = "A sum"
reading = "one addition"
priority = "critical"
scenario = "smoke/one"
metric = "p99"
limit = 500
unit = "ns"
"""


@pytest.fixture
def run_file(tmp_path):
    path = tmp_path / "run.json"
    measurements = [a_measurement("plain", k) for k in range(5)]
    save(a_run(scenarios=[a_scenario_record()], measurements=measurements), path)
    return path


def test_a_run_is_judged_by_budgets_of_the_users_own(tmp_path, run_file):
    (tmp_path / "mine.toml").write_text(MINE)
    done = tickbench("budgets", "run.json", "--budgets", "mine.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1 budgets: 1 over"
    document = json.loads(tickbench("budgets", "run.json", "--budgets", "mine.toml", "--json", cwd=tmp_path).stdout)
    assert document["schema"] == "tickbench.budgets/1"
    (row,) = document["budgets"]
    assert (row["verdict"], row["variant"], row["unit"]) == ("over", "plain", "ns")


def test_the_plans_budgets_say_what_to_run(tmp_path, run_file):
    done = tickbench("budgets", "run.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "tickbench run budgets/order-book-update" in done.stdout


def test_a_wrong_key_is_one_line(tmp_path, run_file):
    (tmp_path / "mine.toml").write_text(MINE.replace("metric", "metrik"))
    done = tickbench("budgets", "run.json", "--budgets", "mine.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "mine.toml: budget sum: there is no key 'metrik': did you mean 'metric'?" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_budgets_are_listed(tmp_path):
    document = json.loads(tickbench("list", "budgets", "--json", cwd=tmp_path).stdout)
    assert {one["id"] for one in document["budgets"]} >= {"order-book-update", "memory-grown", "cpu-p99"}
