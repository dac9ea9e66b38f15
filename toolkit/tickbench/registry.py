"""Which variants exist: the @variant decorator, discovery, and lookup by name.

Variants come from three places: `tickbench.reference_impls.<component>`, modules that other distributions name in the entry
point group `tickbench.variants`, and what the user gives with `--impls` (a module name or a file). Nothing lists them by hand.
"""

import difflib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from tickbench.errors import InputError, NotMeasurableError, UsageError

ENTRY_POINT_GROUP = "tickbench.variants"
Runtime = Literal["python", "native"]


@dataclass(frozen=True)
class Variant:
    """One registered implementation of a component; `build(config)` makes an instance that meets the contract."""

    component: str
    name: str
    runtime: Runtime
    example_of: str
    capabilities: frozenset[str]
    reference: bool
    null: bool
    source: str
    build: Callable[[Any], Any]


@dataclass(frozen=True)
class Unavailable:
    """A variant module that cannot be imported here, and why, for example `needs sortedcontainers: …`."""

    module: str
    reason: str


_variants: dict[tuple[str, str], Variant] = {}
_unavailable: dict[str, Unavailable] = {}


def variant(
    component: str,
    *,
    runtime: Runtime,
    example_of: str,
    capabilities: Iterable[str] = (),
    reference: bool = False,
    null: bool = False,
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Register the decorated builder as the variant named like the function.

    `example_of` says in a few words what kind of design it stands for. `capabilities` are what scenarios may require
    (the component's contract lists them). One variant of a component may be the `reference`, the one that ratios are
    taken against; `null` marks the variant that does nothing, whose time is the cost of the driver.
    """

    def register(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
        module = sys.modules[build.__module__]
        source = str(module.__file__)
        entry = Variant(
            component,
            build.__name__,
            runtime,
            example_of,
            frozenset(capabilities),
            reference,
            null,
            source,
            build,
        )
        known = _variants.get((component, entry.name))
        if known is not None and known.source != source:
            raise InputError(
                f"variant {component}/{entry.name} is registered twice: by {known.source} and by {source}. "
                "Rename one of the two functions."
            )
        _variants[component, entry.name] = entry
        return build

    return register


def load_module(name_or_path: str) -> ModuleType:
    """Import `--impls`: a dotted module name, or a file ending in .py; raises UsageError where it can't be."""
    path = Path(name_or_path)
    try:
        if path.suffix != ".py":
            return importlib.import_module(name_or_path)
        name = f"tickbench_impls_{path.stem}"
        if name in sys.modules:
            return sys.modules[name]
        if not path.is_file():
            raise UsageError(f"--impls {name_or_path}: there is no such file")
        spec = importlib.util.spec_from_file_location(name, path.resolve())
        if spec is None or spec.loader is None:
            raise UsageError(f"--impls {name_or_path}: this is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before it runs: numba and pickle look functions up by module name
        spec.loader.exec_module(module)
    except (UsageError, InputError):
        raise
    except Exception as error:  # any failure of the user's own code is reported, with where it happened
        sys.modules.pop(f"tickbench_impls_{path.stem}", None)
        raise UsageError(f"--impls {name_or_path} fails on import: {_describe(error)}") from error
    return module


def module_names(component: str) -> list[str]:
    """Names of the modules that may hold variants of `component`, without importing them."""
    try:
        package = importlib.import_module(f"tickbench.reference_impls.{component}")
    except ModuleNotFoundError:
        return _entry_point_modules()
    built_in = [f"{package.__name__}.{info.name}" for info in pkgutil.iter_modules(package.__path__)]
    return sorted(built_in) + _entry_point_modules()


def _entry_point_modules() -> list[str]:
    return sorted({point.module for point in entry_points(group=ENTRY_POINT_GROUP)})


def import_variants(module: str) -> Unavailable | None:
    """Import one module of variants; a missing package makes them unavailable, with the reason."""
    try:
        importlib.import_module(module)
    except (ModuleNotFoundError, NotMeasurableError) as error:
        if isinstance(error, ModuleNotFoundError):
            missing = (error.name or "").partition(".")[0]
            if missing == "tickbench":
                raise
            reason = f"needs {missing}: pip install 'tickbench[peers]'"
        else:
            reason = str(error)
        _unavailable[module] = Unavailable(module, reason)
        return _unavailable[module]
    return None


def discover(component: str, impls: Iterable[str] = ()) -> tuple[list[Variant], list[Unavailable]]:
    """All variants of a component, the reference first, and the modules that can't be imported here."""
    missing = [gone for module in module_names(component) if (gone := import_variants(module))]
    for name in impls:
        load_module(name)
    found = [one for (owner, _), one in _variants.items() if owner == component]
    return sorted(found, key=lambda one: (not one.reference, one.null, one.name)), missing


def find(component: str, name: str, impls: Iterable[str] = ()) -> Variant:
    """The variant `component/name`; imports only its own module where the name tells which that is.

    Raises NotMeasurableError where a package is missing, UsageError with the nearest names where it is unknown.
    """
    for extra in impls:
        load_module(extra)
    own_module = f"tickbench.reference_impls.{component}.{name}"
    if (component, name) not in _variants and own_module in module_names(component):
        gone = import_variants(own_module)
        if gone is not None:
            raise NotMeasurableError(f"variant {component}/{name} is not available: {gone.reason}")
    if (component, name) not in _variants:
        known, _ = discover(component, impls)
        if (component, name) not in _variants:
            raise UsageError(unknown_name(f"variant of {component}", name, [one.name for one in known]))
    return _variants[component, name]


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """An error text for an unknown name: says which are known, and the nearest of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=2)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"there is no {kind} named {name!r}: {hint}known are {', '.join(names) or 'none'}"


def _describe(error: BaseException) -> str:
    """Exception type, text and the deepest place in the user's code."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        place = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {error}{place}"
