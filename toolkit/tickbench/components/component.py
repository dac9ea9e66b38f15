"""What every component hands to the harness: its workloads, its oracle, and their inputs and results."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tickbench import components
from tickbench.components.shared.pace import Pace
from tickbench.components.shared.timeline import Slice
from tickbench.errors import UsageError
from tickbench.kernels.clock import Clock
from tickbench.kernels.hdr import Histogram
from tickbench.registry import Variant, unknown_name

Timing = Literal["operation", "batch"]


class MarketFeed(Protocol):
    """A stream of level updates for an empty book, grouped in events (`tickbench.feeds.Feed` is one).

    side int8 [n], price_ticks and quantity_lots int64 [n]; event k is the updates event_start[k] … event_start[k+1] - 1,
    received at receive_ns[k]; best int64 [m, 4] is what the exchange said the best was after it, -1 where it did not.
    """

    # Properties, so that a frozen dataclass fits.
    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def side(self) -> NDArray[np.int8]: ...

    @property
    def price_ticks(self) -> NDArray[np.int64]: ...

    @property
    def quantity_lots(self) -> NDArray[np.int64]: ...

    @property
    def event_start(self) -> NDArray[np.int64]: ...

    @property
    def receive_ns(self) -> NDArray[np.int64]: ...

    @property
    def best(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True)
class Job:
    """One measurement that a workload is asked for; `plan_ns` holds intended start offsets where the load is open-loop.

    With a `pace`, a paced workload hands its loop over instead of looking at `seconds`.
    """

    variant: Variant
    clock: Clock
    feed: MarketFeed | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    writers: int = 1
    readers: int = 0
    seconds: float = 1.0
    seed: int = 1
    plan_ns: NDArray[np.int64] | None = None
    pace: Pace | None = None


@dataclass(frozen=True)
class Verification:
    """What an oracle found: `passed`, how much was checked, and the first difference in words.

    `digest` is a hash of the right answers to which the variant's were found equal (`shared.digest`): two sides with the same
    digest were given the same input and computed the same.
    """

    passed: bool
    checks: int
    detail: str
    digest: str = ""


@dataclass(frozen=True)
class Result:
    """What a workload measured. `operations` were finished in `elapsed_ns`; histograms are in ns.

    Names of histograms: `service` (started to done), for open loops also `response` (intended to done) and `lag` (intended
    to started), and what a component adds, such as `read`. `verification` is of the state that the timed run left behind.

    `operations_per_value`: how many operations one value of the histograms covers. Where it is above 1 the values are ns
    a batch, and every table divides them by it, so that operations shorter than 1 ns keep their digits.

    `intervals` are the values of `response`, else `service`, over the time measured; none where nothing is known within it.
    """

    timing: Timing
    operations: int
    elapsed_ns: int
    histograms: dict[str, Histogram]
    verification: Verification
    counters: dict[str, float] = field(default_factory=dict)
    operations_per_value: int = 1
    intervals: list[Slice] = field(default_factory=list)


@dataclass(frozen=True)
class Workload:
    """How operations are issued to any variant of a component.

    `operation` is the noun that results count, such as `level update`. `requires` are the capabilities that a variant
    needs. `parameters` are the keys that a scenario may set, with their defaults. `open_loop` workloads want a load plan.

    A scenario with one thread is pinned to one core, unless its workload needs `all_cores`, for processes that it starts.
    `expects_disturbance`: losing the core is what is asked, or changes nothing: no round is repeated for lost time.
    `shown_counters`: those of the results' counters that tables have columns for. `value`: what a value of the histogram is,
    if not an operation.
    `paced`: it hands its loop over to a `Job.pace`, so that two sides can be measured in short turns.
    """

    name: str
    operation: str
    run: Callable[[Job], Result]
    requires: frozenset[str] = frozenset()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    open_loop: bool = False
    needs_feed: bool = True
    all_cores: bool = False
    expects_disturbance: bool = False
    shown_counters: tuple[str, ...] = ()
    value: str = ""
    paced: bool = False


@dataclass(frozen=True)
class Component:
    """One thing that an engine optimises; `verify(variant, feed)` is its oracle."""

    name: str
    summary: str
    workloads: Mapping[str, Workload]
    verify: Callable[[Variant, MarketFeed | None], Verification]
    capabilities: Mapping[str, str] = field(default_factory=dict)


_NO_COMPONENTS = ("component", "shared")  # modules of tickbench.components that define no COMPONENT


def component_names() -> list[str]:
    """Names of all components: the modules of this package that define COMPONENT."""
    return sorted(info.name for info in pkgutil.iter_modules(components.__path__) if info.name not in _NO_COMPONENTS)


def find_component(name: str) -> Component:
    """The component `name`; raises UsageError with the nearest names where there is none."""
    if name not in component_names():
        raise UsageError(unknown_name("component", name, component_names()))
    component = importlib.import_module(f"tickbench.components.{name}").COMPONENT
    assert isinstance(component, Component)
    return component
