"""A time line of the run: for speedscope. It says what was measured when, not where code spends its time.

One sampled profile in seconds: a stack is component, scenario, variant and round, its weight the measured time, in the order
in which the workers ran. What lies between two measurements (start of a process, compiling, verifying) is a frame of its own,
so that "Time Order" has the true times, and "Left Heavy" the share of each variant. Measurements that overlap, as those of an
imported log do, are put one after the other, and a note says so.
"""

import msgspec

from tickbench.results.exports.choice import NS_PER_S, Choice, Export, groups, starts_ns
from tickbench.results.run_file import Measurement, Run

_BETWEEN = "(between measurements: starting, compiling, verifying)"


def write(run: Run, _choice: Choice) -> Export:
    """The document; InputError for a run without measurements."""
    groups(run)
    began_ns, notes = starts_ns(run)
    frames: dict[str, int] = {}
    samples: list[list[int]] = []
    weights_ns: list[int] = []
    end_ns = overlapping = 0
    for start_ns, one in sorted(zip(began_ns, run.measurements, strict=True), key=lambda pair: pair[0]):
        if start_ns > end_ns:
            samples.append([frames.setdefault(_BETWEEN, len(frames))])
            weights_ns.append(start_ns - end_ns)
            end_ns = start_ns
        overlapping += start_ns < end_ns
        samples.append([frames.setdefault(name, len(frames)) for name in _stack(one)])
        weights_ns.append(one.elapsed_ns)
        end_ns += one.elapsed_ns
    if overlapping:
        notes = (*notes, f"{overlapping} measurements began before another ended: they are put one after the other")
    document = {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": f"tickbench run of {run.provenance.started_at}",
        "exporter": f"tickbench {run.provenance.tickbench}",
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": name} for name in frames]},
        "profiles": [
            {
                "type": "sampled",
                "name": "measurements over time",
                "unit": "seconds",
                "startValue": 0,
                "endValue": end_ns / NS_PER_S,
                "samples": samples,
                "weights": [weight / NS_PER_S for weight in weights_ns],
            }
        ],
    }
    return Export(msgspec.json.encode(document).decode() + "\n", notes=notes)


def _stack(one: Measurement) -> tuple[str, ...]:
    lost = " (disturbed)" if one.disturbed else ""
    return one.component, one.scenario, one.variant, f"{one.variant} round {one.round}{lost}"
