"""`tickbench compare --revision …`: two sides measured in turns on this machine."""

from __future__ import annotations

import secrets
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tickbench import errors

if TYPE_CHECKING:
    from tickbench.analysis.verdicts import Comparison
    from tickbench.measure.observer import Observer
    from tickbench.measure.pairing.session import Session, Subject
    from tickbench.measure.runner import Prospect

_PAIRS = (("variant_a", "variant_b"), ("impls_a", "impls_b"), ("command_a", "command_b"))


def compare_pairs(names: Sequence[str], form: str, options: Mapping[str, Any]) -> int:
    """Measure, show as `form`; returns the exit status."""
    from tickbench.cli._compare_runs import exit_status, show
    from tickbench.cli._progress import ProgressLines
    from tickbench.measure.pairing.session import Session

    mode = _mode(options)
    seed = secrets.randbits(31) if options["seed"] is None else int(options["seed"])
    with ProgressLines() as progress:
        session = Session(seed=seed, observer=progress, most_seconds=float(options["most_seconds"]))
        if not options["canaries"]:
            session.canaries = {}
        comparison = _MODES[mode](names, options, session, progress)
    show(comparison, form, options.get("output"))
    return errors.EXIT_INTERRUPTED if comparison.facts["interrupted"] else exit_status(comparison)


def _mode(options: Mapping[str, Any]) -> str:
    """Which kind of sides was asked for; raises UsageError for half a pair or two kinds."""
    kinds = ["revision"] if options["revision"] is not None else []
    for one, other in _PAIRS:
        if bool(options[one]) != bool(options[other]) or options[one] == "":
            raise errors.UsageError(f"--{one.replace('_', '-')} and --{other.replace('_', '-')} go together: give both")
        kinds += [one.removesuffix("_a")] if options[one] else []
    if len(kinds) > 1:
        raise errors.UsageError(f"compare one thing at a time: --{', --'.join(kinds)} were given together")
    return kinds[0]


def _by_revision(names: Sequence[str], options: Mapping[str, Any], session: Session, progress: Observer) -> Comparison:
    from tickbench.measure.pairing import revision, subjects

    checkout = revision.here()
    base = revision.revision(checkout, options["revision"], options["impls"], progress)
    new = revision.work_tree(checkout, options["impls"])
    prospect = _look_up(names, options, options["impls"], progress)
    progress.stage(f"compiling kernels of {base.name}", 1)
    known = revision.variants_of(base, sorted({one.scenario.component for one in prospect.entries}))
    progress.done("compiled")
    found, appeared = subjects.between_homes(prospect.entries, base, new, known)
    comparison = session.compare(found, base.name, new.name)
    vanished = [] if options["variants"] else subjects.vanished(prospect.entries, known)
    return replace(comparison, vanished=tuple(vanished), appeared=tuple(appeared))


def _by_variant(names: Sequence[str], options: Mapping[str, Any], session: Session, progress: Observer) -> Comparison:
    from tickbench.measure.pairing import subjects
    from tickbench.measure.pairing.sides import Home

    base, new = options["variant_a"], options["variant_b"]
    prospect = _look_up(names, {**options, "variants": (base, new)}, options["impls"], progress)
    found = subjects.between_variants(prospect.entries, Home("here", impls=tuple(options["impls"])), base, new)
    return session.compare(_some(found, f"{base} and {new}"), base, new)


def _by_impls(names: Sequence[str], options: Mapping[str, Any], session: Session, progress: Observer) -> Comparison:
    from tickbench.measure.pairing import revision, subjects
    from tickbench.measure.pairing.sides import Home

    paths = {which: str(Path(options[f"impls_{which}"]).resolve()) for which in "ab"}
    homes = {which: Home(options[f"impls_{which}"], impls=(path,)) for which, path in paths.items()}
    prospect = _look_up(names, options, [paths["b"]], progress)
    own = [
        replace(one, variants=tuple(v for v in one.variants if Path(v.source) == Path(paths["b"]))) for one in prospect.entries
    ]
    known = revision.variants_of(homes["a"], sorted({one.scenario.component for one in own}))
    found, appeared = subjects.between_homes(own, homes["a"], homes["b"], known)
    comparison = session.compare(_some(found, "the two files' variants"), homes["a"].name, homes["b"].name)
    return replace(comparison, appeared=tuple(appeared))


def _by_command(names: Sequence[str], options: Mapping[str, Any], session: Session, _progress: Observer) -> Comparison:
    from tickbench.measure.pairing import subjects
    from tickbench.measure.pairing.sides import command_side

    if len(names) > 1:
        raise errors.UsageError(f"with --command-a and --command-b one name, for the report, is enough: got {len(names)}")
    commands = []
    for name in ("command_a", "command_b"):
        try:
            words = shlex.split(options[name])
        except ValueError as error:
            raise errors.UsageError(f"--{name.replace('_', '-')}: {error}") from error
        if not words or shutil.which(words[0]) is None:
            raise errors.UsageError(f"--{name.replace('_', '-')}: there is no program {words[0] if words else ''!r}")
        commands.append(words)
    base, new = (command_side(options[name], words) for name, words in zip(("command_a", "command_b"), commands, strict=True))
    return session.compare(subjects.of_commands(names[0] if names else "command", base, new), base.name, new.name)


_MODES = {"revision": _by_revision, "variant": _by_variant, "impls": _by_impls, "command": _by_command}


def _look_up(names: Sequence[str], options: Mapping[str, Any], impls: Sequence[str], progress: Observer) -> Prospect:
    from tickbench.cli._requests import find_scenarios
    from tickbench.measure import runner

    scenarios = find_scenarios(names, feed=options["feed"])
    return runner.look_up(
        runner.Request(scenarios=scenarios, variants=tuple(options["variants"]), impls=tuple(impls)), progress
    )


def _some(found: list[Subject], what: str) -> list[Subject]:
    if not found:
        raise errors.UsageError(f"no scenario was named in which {what} take part")
    return found
