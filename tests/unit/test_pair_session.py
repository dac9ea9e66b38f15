"""A comparison in pairs, from the pairs on: the veto of the canaries, the second measurement, faults and interrupts."""

import random

import pytest

from tickbench.errors import InvalidMeasurementError, WrongResultError
from tickbench.measure.observer import Silent
from tickbench.measure.pairing import session
from tickbench.measure.pairing.canary import KINDS
from tickbench.measure.pairing.pair import Pair, Turn
from tickbench.measure.pairing.session import CANARY_PAIRS, Session, Subject
from tickbench.measure.pairing.side import Side


@pytest.fixture(autouse=True)
def no_processes(monkeypatch):
    monkeypatch.setattr(session, "digest_of_side", lambda side, seed: "same")
    monkeypatch.setattr(session, "calibrate", lambda side, seed, run_timeout_s: Turn(100, 25, 1.0))
    monkeypatch.setattr(session, "allowed_cpus", lambda: [0, 1])


def subject(name="one"):
    return Subject(f"smoke/{name}", "sums", "plain", Side(f"{name} a", []), Side(f"{name} b", []))


class Machine:
    """Pairs with 0.1 % between them. `shifts` of a side's name, `p99` of the n-th pair of a subject, `faults` to raise."""

    def __init__(self, shifts=None, p99=None, faults=None):
        self.shifts, self.p99, self.faults = shifts or {}, p99, faults or {}
        self.calls, self.draw = {}, random.Random(1)

    def __call__(self, base, new, turn, seed, cpus, first_cpu):
        number = self.calls[base.name] = self.calls.get(base.name, 0) + 1
        if fault := self.faults.get((base.name, number)):
            raise fault
        noise = self.draw.gauss(0, 0.001)
        values = {"throughput": self.shifts.get(base.name, 0.0) + noise}
        if self.p99 and (shift := self.p99(number)) is not None:
            values["p99"] = shift + noise
        times = dict.fromkeys(values, 100.0)
        return Pair(0.001, values, times, times, first_cpu or 0, 10.0)


def compare(machine, *subjects):
    return Session(seed=1, observer=Silent(), measure=machine).compare(subjects, "base", "new")


@pytest.mark.parametrize("kind", KINDS)
def test_a_canary_vetoes_a_flag_of_the_shortest_comparison(kind):
    machine = Machine({"one a": 0.2, f"canary {kind}": 0.03})
    found = compare(machine, subject())
    assert [one.verdict for one in found.findings] == ["regression"]
    assert machine.calls["one a"] == 12  # too few for the canaries to have run beside them
    assert f"the {kind} canary, identical code on both sides, shows +3." in found.veto


def test_calm_canaries_veto_nothing_and_are_not_waited_for_without_a_flag():
    machine = Machine({"one a": 0.2})
    found = compare(machine, subject())
    assert found.veto is None
    assert [machine.calls[f"canary {kind}"] for kind in KINDS] == [CANARY_PAIRS] * 3
    assert all(0.99 < fact["ratio"] < 1.01 for fact in found.facts["canaries"].values())
    machine = Machine()
    found = compare(machine, subject())
    assert [one.verdict for one in found.findings] == ["unchanged"]
    assert sum(machine.calls[f"canary {kind}"] for kind in KINDS) == machine.calls["one a"] == 6


def test_a_flag_that_cannot_be_measured_again_is_none():
    again = 6  # the first six pairs have a p99, the seventh has too few values for one
    machine = Machine({"one a": 0.2}, p99=lambda number: 0.5 if number <= again else None)
    found = {one.metric: one for one in compare(machine, subject()).findings}
    assert found["throughput"].verdict == "regression"
    assert found["p99"].verdict == "inconclusive"
    assert "a regression that was not confirmed" in found["p99"].judgement.reason


def test_a_fault_costs_one_subject_and_an_interrupt_those_that_follow():
    lost, bad = InvalidMeasurementError("killed by SIGKILL"), WrongResultError("two and two are five")
    machine = Machine(faults={("one a", 3): lost, ("two a", 1): bad, ("four a", 4): KeyboardInterrupt()})
    found = compare(machine, *map(subject, ("one", "two", "three", "four", "five")))
    assert found.refused == ("smoke/one plain: killed by SIGKILL",)
    assert found.wrong == ("smoke/two plain: two and two are five",)
    assert [one.scenario for one in found.findings] == ["smoke/three"]
    assert found.facts["interrupted"]
    assert "interrupted at smoke/four plain" in found.notes[0]
    assert "five a" not in machine.calls


def test_what_happens_to_a_canary_is_told():
    machine = Machine({"one a": 0.2}, faults={("canary memory", 6): KeyboardInterrupt()})
    found = compare(machine, subject())
    assert found.facts["interrupted"]
    assert "interrupted among the canaries" in found.notes[0]
    machine = Machine({"one a": 0.2}, faults={("canary memory", 6): InvalidMeasurementError("out of memory")})
    found = compare(machine, subject())
    assert not found.facts["interrupted"]
    assert found.notes == ("the canaries could not be measured: out of memory",)
