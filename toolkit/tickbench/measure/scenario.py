"""A scenario: frozen data that says what is asked, how, and why; one TOML file each.

why = "…"                      one or two sentences: what a trader learns from it
component = "order_book"
workload = "replay"
feed = "synthetic"             what `--feed` takes
rounds = 3                     fresh processes a variant
seconds = 0.3                  measured time a round
writers = 1
readers = 0
requires = []                  capabilities that a variant must have, beside what the workload needs
variants = []                  only these, where the question is about a pair; by default all that can take part
sweep = { elements = [1, 2] }  one scenario for each value (and combination): of parameters, or of writers and readers;
                               the id is then  suite/name@elements=1
load = { kind = "closed" }     or an open loop: see tickbench.measure.load_plan
parameters = {}                what the workload offers
tolerance = { p50 = 0.02 }     comparisons: changes of throughput, p50, p99 or p99.9 that nobody acts on, in place of 1 %
target = { p50 = 0.05 }        and those that must be found, in place of 3 % (throughput, p50) and 10 % (p99)
response_budget_us = 3000.0    open loops: a generator later than a tenth of it makes the measurement invalid (the plan's 3 ms)
"""

import difflib
import itertools
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tickbench.analysis.verdicts import Metric
from tickbench.errors import InputError
from tickbench.measure.load_plan import Load
from tickbench.results.run_file import explain

_SWEPT_KEYS = ("writers", "readers")  # beside the parameters
MOST_POINTS = 64  # of one sweep: each is a scenario with rounds of its own
MAX_THREADS = 64  # more than any scenario needs; catches a slip of the keyboard

Text = Annotated[str, msgspec.Meta(min_length=1)]
Parameter = bool | int | float | str
Share = Annotated[float, msgspec.Meta(gt=0, le=10)]


class ScenarioFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in a scenario's file."""

    why: Text
    component: Text
    workload: Text
    feed: Text = "synthetic"
    rounds: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 3
    seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 0.3
    writers: Annotated[int, msgspec.Meta(ge=0, le=MAX_THREADS)] = 1
    readers: Annotated[int, msgspec.Meta(ge=0, le=MAX_THREADS)] = 0
    requires: list[Text] = []
    variants: list[Text] = []
    sweep: dict[str, Annotated[list[Parameter], msgspec.Meta(min_length=1)]] = {}
    load: Load
    parameters: dict[str, Parameter] = {}
    response_budget_us: Annotated[float, msgspec.Meta(gt=0)] = 3000.0
    tolerance: dict[Metric, Share] = {}
    target: dict[Metric, Share] = {}


class Scenario(ScenarioFile, frozen=True, kw_only=True):
    """A scenario with its name: `id` is the path below scenarios/ without suffix, `suite` the folder in it.

    One of a sweep has its `point`, the value of each swept key, in its id as well.
    """

    id: str
    suite: str
    point: dict[str, Parameter] = {}

    @property
    def threads(self) -> int:
        """Threads that issue operations."""
        return self.writers + self.readers

    @property
    def load_kind(self) -> str:
        """The tag of the load: "closed", or the name of an open-loop plan."""
        return str(msgspec.to_builtins(self.load)["kind"])

    @property
    def short_name(self) -> str:
        """The last part of the id, without the point of a sweep."""
        return self.base_id.rpartition("/")[2]

    @property
    def base_id(self) -> str:
        """The id without the point of a sweep: one file has one."""
        return self.id.partition("@")[0]


def read_scenarios(path: Path, scenario_id: str) -> list[Scenario]:
    """Read one file: one scenario, or one for each point of its sweep.

    Raises InputError that names the file, the key and what to do.
    """
    document = _document(path)
    suite = scenario_id.rpartition("/")[0]
    whole = _scenario(path, {**document, "id": scenario_id, "suite": suite})
    points = [dict(zip(whole.sweep, values, strict=True)) for values in itertools.product(*whole.sweep.values())]
    if len(points) > MOST_POINTS:
        raise InputError(f"{path}: sweep: {len(points)} combinations, at most {MOST_POINTS}: leave out some values")
    return [whole] if not whole.sweep else [_at(path, document, whole, point) for point in points]


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The document in a file of `what` ("the claims"); raises InputError that names the file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: this is not valid TOML: {error}") from error


def _document(path: Path) -> dict[str, Any]:
    document = read_toml(path, "the scenario")
    refuse_unknown(f"{path}", document, list(ScenarioFile.__struct_fields__))
    document.setdefault("load", {"kind": "closed"})
    return document


def _at(path: Path, document: dict[str, Any], whole: Scenario, point: dict[str, Parameter]) -> Scenario:
    """The scenario of one point of the sweep."""
    own = {key: value for key, value in point.items() if key in _SWEPT_KEYS}
    parameters = {**whole.parameters, **{key: value for key, value in point.items() if key not in _SWEPT_KEYS}}
    name = f"{whole.id}@{','.join(f'{key}={value}' for key, value in point.items())}"
    return _scenario(path, {**document, **own, "parameters": parameters, "id": name, "suite": whole.suite, "point": point})


def _scenario(path: Path, document: dict[str, Any]) -> Scenario:
    try:
        scenario = msgspec.convert(document, type=Scenario)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error
    if scenario.threads < 1:
        raise InputError(f"{path}: writers and readers are both 0: nothing would be measured; set one of them")
    return scenario


def refuse_unknown(place: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise InputError for the first key that is not known, with the nearest that is."""
    names = sorted(known)
    for key in given:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names) or 'none'}"
            raise InputError(f"{place}: there is no key {key!r}: {hint}")


def check_parameters(scenario: Scenario, offered: Mapping[str, Any]) -> dict[str, Any]:
    """The workload's defaults with the scenario's values over them; raises InputError for unknown keys and wrong types."""
    refuse_unknown(f"scenario {scenario.id}: parameters of workload {scenario.workload}", scenario.parameters, offered)
    merged = dict(offered)
    for key, value in scenario.parameters.items():
        try:
            merged[key] = value if offered[key] is None else msgspec.convert(value, type=type(offered[key]))
        except msgspec.ValidationError as error:
            raise InputError(f"scenario {scenario.id}: parameters.{key}: {explain(error)}, got {value!r}") from error
    return merged
