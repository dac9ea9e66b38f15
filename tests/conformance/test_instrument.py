"""A probe counts each call once, with its time to the nanosecond, and broken probes are found out."""

from dataclasses import replace

import pytest

from tickbench.components.component import Job
from tickbench.components.instrument import COMPONENT, contract
from tickbench.components.instrument.contract import ProbeConfig, PythonProbe, Reading
from tickbench.components.instrument.oracle import durations_ns, expected_reading, verify
from tickbench.kernels.clock import calibrate
from tickbench.registry import discover

_variants, _ = discover("instrument")
VARIANTS = {one.name: one for one in _variants}
PYTHON = [one.name for one in _variants if one.runtime == "python"]


def _python_probe(name, *times_ns, threshold_ns=5_000):
    """A probe that has seen calls of these durations."""
    readings = iter([reading for time_ns in times_ns for reading in (0, time_ns)])
    probe = VARIANTS[name].build(ProbeConfig(threshold_ns, clock_ns=lambda: next(readings)))
    wrapped = probe.wrap(contract.python_work)
    for i in range(len(times_ns)):
        assert wrapped(i) == contract.python_work(i)
    return probe.read()


def test_the_plans_sketch_counts_a_call_of_999_ns_as_0():
    assert _python_probe("plan_sketch", 999, 999, 999) == Reading(3, 0, 0)
    assert _python_probe("python_probe", 999, 999, 999) == Reading(3, 2_997, 0)


def test_the_plans_sketch_misses_violations_of_less_than_a_microsecond():
    assert _python_probe("plan_sketch", 5_999).violations == 0
    assert _python_probe("python_probe", 5_001).violations == 1


@pytest.mark.parametrize("name", [name for name in PYTHON if "nanoseconds" in VARIANTS[name].capabilities])
def test_the_threshold_itself_is_no_violation(name):
    assert _python_probe(name, 5_000, 5_001, 4_999) == Reading(3, 15_000, 1)


@pytest.mark.parametrize("name", PYTHON)
def test_a_call_that_raises_comes_through(name):
    def fail(_argument):
        raise ZeroDivisionError

    probe = VARIANTS[name].build(ProbeConfig())
    with pytest.raises(ZeroDivisionError):
        probe.wrap(fail)(1)
    assert probe.read().count == ("failures" in VARIANTS[name].capabilities)


def test_kernel_and_python_do_the_same_work():
    assert [contract.work(i) for i in range(200)] == [contract.python_work(i) for i in range(200)]


def test_the_expected_reading_of_whole_microseconds():
    assert expected_reading([999, 1_000, 5_999, 6_000], nanoseconds=False) == Reading(4, 12_000, 1)
    assert expected_reading([999, 1_000, 5_999, 6_000], nanoseconds=True) == Reading(4, 13_998, 2)
    assert min(durations_ns()) == 0


def _spoilt(change):
    def build(config):
        probe = VARIANTS["python_probe"].build(config)
        return change(probe)

    return replace(VARIANTS["python_probe"], build=build)


@pytest.mark.parametrize(
    "change",
    [
        lambda probe: PythonProbe(probe.wrap, lambda: Reading(0, 0, 0)),
        lambda probe: PythonProbe(probe.wrap, lambda: replace(probe.read(), violations=0)),
        lambda probe: PythonProbe(probe.wrap, lambda: replace(probe.read(), sum_ns=probe.read().sum_ns + 10)),
        lambda probe: PythonProbe(lambda function: lambda argument: probe.wrap(function)(argument) + 1, probe.read),
        lambda probe: PythonProbe(lambda function: function, probe.read),
    ],
    ids=["nothing counted", "no violations", "wrong sum", "wrong answer", "not wrapped"],
)
def test_the_oracle_finds_a_broken_probe(change):
    assert verify(VARIANTS["python_probe"], None).passed
    assert not verify(_spoilt(change), None).passed


def test_the_kernel_probe_counts_every_call_of_a_timed_run():
    job = Job(VARIANTS["kernel_probe"], calibrate(0.002), seconds=0.01)
    result = COMPONENT.workloads["wrap"].run(job)
    assert result.verification.passed, result.verification.detail
    assert result.operations > 0
