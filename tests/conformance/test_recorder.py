"""Every variant of the recorder puts every value into the bucket that the index formula names."""

from dataclasses import replace

import pytest

from tickbench.components.recorder import NativeRecorder, expected_counts, latencies_ns, verify
from tickbench.registry import discover

_variants, _unavailable = discover("recorder")
every_recorder = pytest.mark.parametrize("variant", [one for one in _variants if not one.null], ids=lambda one: one.name)


@every_recorder
def test_values_around_every_power_of_two_are_in_their_buckets(variant):
    verification = verify(variant, None)
    assert verification.passed, verification.detail
    assert verification.checks > 100


@every_recorder
def test_a_recorder_that_counts_one_value_twice_is_rejected(variant):
    def build(config):
        recorder = variant.build(config)
        honest = recorder.read_counts

        def read_counts():
            counts = honest()
            counts[5] += 1
            return counts

        return replace(recorder, read_counts=read_counts)

    assert not verify(replace(variant, build=build), None).passed


def test_expected_counts_agree_with_the_hdrhistogram_package():
    from hdrh.histogram import HdrHistogram

    values_ns = latencies_ns(1, 2_000)
    histogram = HdrHistogram(1, 10_000_000_000, 3)
    for value in values_ns.tolist():
        histogram.record_value(value)
    assert expected_counts(values_ns).tolist() == list(histogram.counts)


def test_our_recorder_brings_its_own_loop():
    ours = next(one for one in _variants if one.name == "hdr_kernel")
    recorder = ours.build(None)
    assert isinstance(recorder, NativeRecorder)
    assert recorder.record_many_kernel is not None
