"""Stored runs made up for tests: known times, seeded spread, no machine."""

import numpy as np

from samples import a_measurement, a_run, a_scenario_record, a_variant_record


def a_stored_run(seed=1, *, scenarios=("smoke/one",), variants=("plain", "other"), slower=None, shift=1.0, rounds=5, **record):
    """Batches of 1,000 ns an operation, 0.5 % between rounds; `slower` is {(scenario, variant): factor}."""
    rng = np.random.default_rng(seed)
    measurements = []
    for scenario in scenarios:
        for variant in variants:
            factor = shift * (slower or {}).get((scenario, variant), 1.0)
            for k in range(rounds):
                elapsed_ns = round(1_000_000 * factor * np.exp(0.005 * rng.normal()))
                kind = {"scenario": scenario, "timing": "batch", "elapsed_ns": elapsed_ns, "operations": 1000}
                measurements.append(a_measurement(variant, k, **kind))
    return a_run(
        scenarios=[a_scenario_record(id=one, **record) for one in scenarios],
        variants=[a_variant_record(one, reference=k == 0) for k, one in enumerate(variants)],
        measurements=measurements,
    )
