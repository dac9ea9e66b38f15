"""The clock: when it refuses the counter, how its rate is measured, real and virtual waits, gaps."""

import ctypes
import os
import re
import time

import pytest
from numba import njit

from tickbench.errors import NotMeasurableError
from tickbench.kernels import clock as clock_module
from tickbench.kernels import gaps, jit, waiting
from tickbench.kernels.clock import MONOTONIC, TSC, Clock, calibrate, now_ticks, ticks_to_ns, tsc_refusal
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.system import CLOCK_MONOTONIC, clock_gettime_ns, current_cpu, sleep_ns

X86 = jit.machine() in {"x86_64", "AMD64"}
NANOSECONDS = Clock(MONOTONIC, 1.0, 0.0, 20.0, "a test asked for it")
GOOD_FLAGS = "flags\t\t: fpu tsc constant_tsc nonstop_tsc\n"


@pytest.fixture
def machine(tmp_path):
    """Write what a machine says of itself; returns the arguments that make `calibrate` read it."""

    def write(flags: str = GOOD_FLAGS, source: str = "tsc\n") -> dict:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}")
        (tmp_path / "clocksource").write_text(source)
        return {"cpu_info": tmp_path / "cpuinfo", "clock_source": tmp_path / "clocksource"}

    return write


@pytest.mark.skipif(not X86, reason="elsewhere the counter is refused for its absence")
class TestRefusal:
    def test_a_good_machine_is_not_refused(self, machine):
        assert tsc_refusal(**machine()) is None

    @pytest.mark.parametrize("missing", ["constant_tsc", "nonstop_tsc"])
    def test_each_flag_is_needed(self, machine, missing):
        refusal = tsc_refusal(**machine(flags=GOOD_FLAGS.replace(missing, "")))
        assert re.search(rf"lack {missing}$", refusal)

    def test_the_kernel_must_trust_it_too(self, machine):
        assert "its clocksource is kvm-clock, not tsc" in tsc_refusal(**machine(source="kvm-clock\n"))

    def test_unknown_is_refused(self, machine):
        paths = machine()
        paths["clock_source"].unlink()
        assert str(paths["clock_source"]) in tsc_refusal(**paths)

    def test_a_refused_counter_means_clock_gettime(self, machine):
        clock = calibrate(0.002, **machine(source="hpet"))
        assert clock.source == MONOTONIC
        assert clock.ns_per_tick == 1.0
        assert "hpet" in clock.refusal
        assert clock.source_name == "clock_gettime(CLOCK_MONOTONIC)"
        assert clock.read_cost_ns > 0
        # adjtimex(2) allows a daemon 500 ppm; the rest is what 2 ms of brackets leave open.
        assert clock.error_ppm < 2_000


def test_no_counter_on_other_processors(monkeypatch):
    monkeypatch.setattr(clock_module, "_HAS_TSC", False)
    assert "has no time-stamp counter" in tsc_refusal()


@pytest.mark.skipif(not X86, reason="reads x86-64 assembly")
@pytest.mark.parametrize(
    ("read", "instructions"),
    [
        (clock_module.read_tsc, ["rdtsc"]),
        (clock_module.read_tsc_start, ["lfence", "rdtsc"]),
        (clock_module.read_tsc_end, ["rdtscp", "lfence"]),
    ],
)
def test_readings_are_fenced_as_documented(read, instructions):
    (text,) = njit("int64()")(lambda: read() + 0).inspect_asm().values()
    assert re.findall(r"\b(lfence|rdtscp?)\b", text.partition("cpython")[0]) == instructions


@kernel("int64(int64, int64)")
def backward_steps(source, readings):
    wrong = 0
    last = now_ticks(source)
    for _ in range(readings):
        now = now_ticks(source)
        wrong += now < last
        last = now
    return wrong


@pytest.mark.parametrize("source", [TSC, MONOTONIC])
def test_time_does_not_run_backwards(source):
    assert backward_steps(source, 100_000) == 0


def test_the_calibrated_rate_agrees_with_another_clock():
    clock = calibrate()
    ends = []
    for _ in range(2):
        brackets = ((time.monotonic_ns() - before, now, before) for before, now in readings(clock.source))
        ends.append(min(brackets))
        time.sleep(0.05)
    (width_0, ticks_0, ns_0), (width_1, ticks_1, ns_1) = ends
    measured = ticks_to_ns(ticks_1 - ticks_0, clock.ns_per_tick)
    # What brackets and calibration leave open, and 500 ppm by which CLOCK_MONOTONIC may be slewed.
    allowed = width_0 + width_1 + (clock.error_ppm + 500) * (ns_1 - ns_0) / 1e6
    assert abs(measured - (ns_1 - ns_0)) <= allowed


def readings(source, tries=200):
    for _ in range(tries):
        before = time.monotonic_ns()
        yield before, now_ticks(source)


def test_a_step_between_the_halves_shows_as_error(monkeypatch):
    # Points (ticks, ns, width): the second half runs 1 % fast, which no bracket explains.
    points = iter([(0, 0, 10), (10_000_000, 10_000_000, 10), (20_000_000, 20_100_000, 10)])

    def bracket(_source, _tries, out):
        point = next(points)
        (ctypes.c_int64 * 3).from_address(out)[:] = point
        return point[2]

    monkeypatch.setattr(clock_module, "_tightest_bracket", bracket)
    monkeypatch.setattr(clock_module, "sleep_ns", lambda _ns: 0)
    rate, error_ppm = clock_module._measure_rate(MONOTONIC, 0.02)
    assert rate == pytest.approx(1.005)
    assert 4_500 < error_ppm < 5_500


@pytest.mark.parametrize(
    ("ticks", "ns_per_tick", "ns"),
    [(0, 0.4, 0), (1, 0.4, 0), (2, 0.4, 1), (10, 0.25, 3), (-10, 0.4, -4), (1 << 52, 1.0, 1 << 52)],
)
def test_ticks_become_the_nearest_ns(ticks, ns_per_tick, ns):
    assert ticks_to_ns(ticks, ns_per_tick) == ns


def test_a_duration_in_ticks():
    assert Clock(TSC, 0.4, 1.0, 10.0, None).ticks(1_000) == 2_500


@kernel("int64(int64)")
def slept_ns(duration_ns):
    before = clock_gettime_ns(CLOCK_MONOTONIC)
    sleep_ns(duration_ns)
    return clock_gettime_ns(CLOCK_MONOTONIC) - before


def test_a_sleep_is_not_too_short():
    assert slept_ns(2_000_000) >= 2_000_000
    assert sleep_ns(0) == 0
    assert sleep_ns(-5) == 0


def test_the_core_of_this_thread():
    assert current_cpu() in os.sched_getaffinity(0)


class TestWaiting:
    def test_virtual_time_moves_to_the_target_and_never_back(self):
        context = waiting.virtual_context(100)
        address = context.ctypes.data
        assert waiting.now_virtual(address) == 100
        assert waiting.wait_until_virtual(address, 250) == 250
        assert waiting.wait_until_virtual(address, 200) == 250
        assert waiting.now_virtual(address) == 250
        context[waiting.VIRTUAL_TICKS] += 1_000  # a component that takes its time
        assert waiting.now_virtual(address) == 1_250

    @pytest.mark.parametrize("overshoot_ns", [0, 100_000, 10_000_000], ids=["sleeps", "both", "spins"])
    def test_a_real_wait_ends_at_the_target_or_after(self, overshoot_ns):
        context = waiting.real_context(NANOSECONDS, overshoot_ns)
        start = waiting.now_real(context.ctypes.data)
        reached = waiting.wait_until_real(context.ctypes.data, start + 3_000_000)
        assert reached >= start + 3_000_000
        assert waiting.now_real(context.ctypes.data) >= reached

    def test_a_target_in_the_past_is_no_wait(self):
        context = waiting.real_context(NANOSECONDS, 100_000)
        now = waiting.now_real(context.ctypes.data)
        assert now <= waiting.wait_until_real(context.ctypes.data, now - 1_000_000_000)

    def test_sleeps_are_taken_in_ns_whatever_a_tick_is(self):
        # A quarter of a ns a tick: a wait of 8 million ticks is one of 2 ms.
        context = waiting.real_context(Clock(MONOTONIC, 0.25, 0.0, 20.0, None), 0)
        assert context[waiting.NS_PER_MI_TICKS] == 1 << 18
        assert context[waiting.FAR_TICKS] == 0

    def test_both_pairs_fit_one_driver(self):
        @njit(jit.signature_of(f"int64(pointer[{waiting.NOW}], pointer[{waiting.WAIT_UNTIL}], int64, int64)"))
        def lag(now, wait_until, context, delay):
            target = now(context) + delay
            wait_until(context, target)
            return now(context) - target

        virtual = waiting.virtual_context()
        real = waiting.real_context(NANOSECONDS, 0)
        assert lag(waiting.now_virtual, waiting.wait_until_virtual, virtual.ctypes.data, 70) == 0
        assert virtual[waiting.VIRTUAL_TICKS] == 70
        assert lag(waiting.now_real, waiting.wait_until_real, real.ctypes.data, 1_000) >= 0

    def test_the_overshoot_of_sleeps_is_measured(self):
        assert waiting.measure_sleep_overshoot_ns() > 0


class TestGaps:
    def test_every_reading_is_a_gap_when_the_threshold_is_negative(self):
        histogram = Histogram()
        lost, count = gaps.spin_gaps(MONOTONIC, 2_000_000, -1, 1.0, histogram.address, histogram.index)
        assert histogram.count + histogram.over_range == count > 0
        assert lost >= 2_000_000
        assert histogram.sum_ns == lost

    def test_no_gap_is_longer_than_the_whole(self):
        histogram = Histogram()
        lost, count = gaps.spin_gaps(MONOTONIC, 1_000_000, 1 << 60, 1.0, histogram.address, histogram.index)
        assert (lost, histogram.count) == (0, 0)
        assert count > 0

    def test_gaps_are_recorded_in_ns(self):
        histogram = Histogram()
        lost, _ = gaps.spin_gaps(MONOTONIC, 1_000_000, -1, 3.0, histogram.address, histogram.index)
        assert histogram.sum_ns == 3 * lost


class TestCrossCore:
    def test_needs_the_counter(self):
        with pytest.raises(NotMeasurableError, match="a test asked for it"):
            gaps.cross_core_offset(NANOSECONDS, 0, 1)

    def test_needs_two_cores_of_ours(self):
        clock = Clock(TSC, 0.4, 1.0, 10.0, None)
        with pytest.raises(NotMeasurableError, match="two different cores"):
            gaps.cross_core_offset(clock, 0, 0)
        with pytest.raises(NotMeasurableError, match="two different cores"):
            gaps.cross_core_offset(clock, 0, 1 << 20)

    def test_counters_of_two_cores_agree(self):
        clock = calibrate()
        cores = sorted(os.sched_getaffinity(0))
        if clock.refusal or len(cores) < 2:
            pytest.skip(f"needs two cores and the counter: {clock.refusal or cores}")
        offset = gaps.cross_core_offset(clock, *cores[:2], rounds=2_000)
        assert offset.rounds > 0
        assert offset.round_trip_ns > 0
        assert offset.consistent, offset

    @pytest.mark.parametrize(("offset_ns", "consistent"), [(50.0, True), (-50.0, True), (50.1, False), (-80.0, False)])
    def test_an_offset_beyond_half_a_round_trip_is_inconsistent(self, offset_ns, consistent):
        assert gaps.CoreOffset(0, 1, offset_ns, 100.0, 10).consistent == consistent
