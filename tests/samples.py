"""Runs, scenarios and variants made up for tests of the harness: no worker, no clock, no machine."""

from tickbench.kernels.hdr import Histogram
from tickbench.results.run_file import ClockRecord, Measurement, Provenance, Run, ScenarioRecord, VariantRecord


def a_run(**changes):
    provenance = Provenance(
        tickbench="0",
        command=["tickbench", "run"],
        started_at="2026-01-01T00:00:00Z",
        seed=1,
        cpu_model=None,
        cpus=2,
        allowed_cpus=[0, 1],
        memory_bytes=None,
        kernel="Linux",
        governor=None,
        hypervisor=None,
        python="CPython",
        llvm_target_cpu="generic",
        packages={},
        machine={},
        revision=None,
        clean=None,
        clock=ClockRecord(source="tsc", error_ppm=1.0, read_cost_ns=10.0, recorder_cost_ns=2.0),
        feeds=[],
    )
    return Run(provenance=provenance, **changes)


def a_scenario_record(**changes):
    given = {
        "id": "smoke/one",
        "suite": "smoke",
        "why": "w",
        "component": "sums",
        "workload": "adding",
        "operation": "addition",
        "feed": None,
        "writers": 1,
        "readers": 0,
        "requires": [],
        "load": {"kind": "closed"},
        "parameters": {},
        "rounds": 3,
        "seconds": 0.1,
        "open_loop": False,
    }
    return ScenarioRecord(**(given | changes))


def a_variant_record(name, *, reference=False, null=False):
    return VariantRecord(
        component="sums", name=name, runtime="python", example_of="x", capabilities=[], reference=reference, null=null
    )


def a_measurement(variant, number, *, values_ns=range(1, 1001), elapsed_ns=1_000_000, histogram="service", **changes):
    recorded = Histogram()
    recorded.record(list(values_ns))
    given = {
        "scenario": "smoke/one",
        "component": "sums",
        "variant": variant,
        "round": number,
        "threads": 1,
        "load": {"kind": "closed"},
        "timing": "operation",
        "operations": recorded.count,
        "elapsed_ns": elapsed_ns,
        "verified": True,
        "percentiles": {
            "50": float(recorded.percentile(50)),
            "99": float(recorded.percentile(99)),
            "max": float(recorded.max_ns),
        },
        "histograms": {histogram: recorded.encode()},
    }
    return Measurement(**(given | changes))
