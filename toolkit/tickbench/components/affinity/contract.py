"""What a variant of the affinity provides: where the measuring thread may run, and where its noisy neighbours may."""

from collections.abc import Sequence
from dataclasses import dataclass

from tickbench.errors import NotMeasurableError


@dataclass(frozen=True)
class Placement:
    """Cores of the measuring thread and of the neighbours, both out of those that the process may use."""

    own: frozenset[int]
    neighbours: frozenset[int]


def allowed_cores(cores: Sequence[int], at_least: int) -> list[int]:
    """The cores in order; raises NotMeasurableError where there are fewer than a placement needs."""
    if len(cores) < at_least:
        raise NotMeasurableError(f"affinity: needs {at_least} cores to choose from, this process may use {len(cores)}")
    return sorted(cores)
