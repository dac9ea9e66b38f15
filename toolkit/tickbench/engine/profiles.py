"""Profiles: which variant each stage uses, which wire and transport, from scenarios/profiles.toml and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tickbench import registry
from tickbench.engine.protocol import WIRES
from tickbench.errors import InputError, UsageError
from tickbench.measure.catalogue import beside_scenarios

FILE_NAME = "profiles.toml"
STAGES = ("codec", "order_book", "indicators", "risk", "positions")
TRANSPORTS = ("websockets", "picows", "spinning")


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One profile; `stages` maps each of STAGES, named like its component, to a variant."""

    description: str
    wire: str
    transport: str
    stages: dict[str, str]
    freeze_gc: bool = False


@dataclass(frozen=True)
class Stages:
    """The chosen variants, by stage."""

    codec: registry.Variant
    order_book: registry.Variant
    indicators: registry.Variant
    risk: registry.Variant
    positions: registry.Variant

    def names(self) -> dict[str, str]:
        """Variants' names by stage."""
        return {stage: getattr(self, stage).name for stage in STAGES}

    @property
    def are_native(self) -> bool:
        """Whether all are compiled, so that a frame goes through one kernel."""
        return all(getattr(self, stage).runtime == "native" for stage in STAGES)


def read_profiles(path: Path | None = None) -> dict[str, Profile]:
    """All profiles; InputError for a file that is not right."""
    path = path or beside_scenarios(FILE_NAME, "--profiles")
    try:
        found: dict[str, Profile] = msgspec.toml.decode(path.read_bytes(), type=dict[str, Profile])
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    for name, profile in found.items():
        if set(profile.stages) != set(STAGES):
            raise InputError(f"{path}: {name}: stages must be {', '.join(STAGES)}, got {', '.join(profile.stages)}")
        _check_choice(f"{path}: {name}: wire", profile.wire, WIRES, InputError)
        _check_choice(f"{path}: {name}: transport", profile.transport, TRANSPORTS, InputError)
    return found


def choose_profile(
    name: str, changes: tuple[str, ...] = (), *, wire: str = "", transport: str = "", path: Path | None = None
) -> Profile:
    """The profile `name` with STAGE=VARIANT changes; UsageError for a name that is not known."""
    profiles = read_profiles(path)
    if name not in profiles:
        raise UsageError(registry.unknown_name("profile", name, profiles))
    profile = profiles[name]
    stages = dict(profile.stages)
    for change in changes:
        stage, separator, variant = change.partition("=")
        if not separator or not variant:
            raise UsageError(f"--stage {change}: expected STAGE=VARIANT, such as order_book=sorted_dict")
        if stage not in STAGES:
            raise UsageError(registry.unknown_name("stage", stage, STAGES))
        stages[stage] = variant
    fields: dict[str, Any] = {"stages": stages, "wire": wire or profile.wire, "transport": transport or profile.transport}
    _check_choice("--wire", fields["wire"], WIRES, UsageError)
    _check_choice("--transport", fields["transport"], TRANSPORTS, UsageError)
    return msgspec.structs.replace(profile, **fields)


def _check_choice(what: str, value: str, known: tuple[str, ...], error: type[Exception]) -> None:
    if value not in known:
        raise error(f"{what}: {value!r} is none of {', '.join(known)}")


def find_stages(profile: Profile, impls: tuple[str, ...] = ()) -> Stages:
    """The variants of a profile; UsageError for an unknown one, NotMeasurableError for one that is not available."""
    return Stages(**{stage: registry.find(stage, name, impls) for stage, name in profile.stages.items()})
