"""What `selftest` found out about comparisons on this machine: kept in the cache folder, and told in every run's provenance."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from tickbench.analysis.certificate import Gate, Power, false_alarm_bound, powers
from tickbench.errors import InputError
from tickbench.kernels.cache import cache_root
from tickbench.measure import machine
from tickbench.results.run_file import write_and_rename

SCHEMA = "tickbench.certificate/1"


class Certificate(msgspec.Struct, kw_only=True):
    """False alarms, power and cost of gates on one machine; `cells` are the neighbours that ran beside them."""

    schema: str = SCHEMA
    measured_at: str
    cpu_model: str | None
    cpus: int
    cells: list[str]
    subjects: list[str]
    null_gates: int
    false_alarms: int
    false_alarm_bound: float
    powers: list[Power]
    null_elapsed_s: float | None
    handover_us: float | None
    clock: dict[str, str | float]


def summarise(gates: Sequence[Gate], handovers_us: Sequence[float], clock: dict[str, str | float]) -> Certificate:
    """The certificate that these gates support."""
    nulls = [one for one in gates if one.slowdown == 1.0]
    alarms = sum(one.verdict == "regression" for one in nulls)
    return Certificate(
        measured_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        cpu_model=machine.cpu_model(),
        cpus=len(machine.allowed_cpus()),
        cells=list(dict.fromkeys(one.cell for one in gates)),
        subjects=list(dict.fromkeys(one.subject for one in gates)),
        null_gates=len(nulls),
        false_alarms=alarms,
        false_alarm_bound=false_alarm_bound(alarms, len(nulls)),
        powers=powers(gates),
        null_elapsed_s=median(one.elapsed_s for one in nulls) if nulls else None,
        handover_us=median(handovers_us) if handovers_us else None,
        clock=clock,
    )


def _path() -> Path:
    return cache_root() / "certificate.json"


def keep(certificate: Certificate) -> None:
    """Make it this machine's certificate; raises InputError when the cache folder won't take it."""
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_and_rename(msgspec.json.format(msgspec.json.encode(certificate), indent=1), path)
    except OSError as error:
        raise InputError(f"cannot keep the certificate in {path}: {error.strerror or error}") from error


def known() -> Certificate | None:
    """The certificate of this machine; None where there is none, or it is another machine's."""
    try:
        found = msgspec.json.decode(_path().read_bytes(), type=Certificate)
    except (OSError, msgspec.MsgspecError):
        return None
    same = found.schema == SCHEMA and found.cpu_model == machine.cpu_model() and found.cpus == len(machine.allowed_cpus())
    return found if same else None
