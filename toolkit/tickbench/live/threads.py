"""What the kernel counts of a process's threads, from /proc (proc(5)): no right beyond the same user, nothing is stopped."""

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# Fields of /proc/PID/stat after the command, counted from the state as 0.
_MINOR_FAULTS, _MAJOR_FAULTS, _CPU, _BLOCK_DELAY_TICKS = 7, 9, 36, 39


@dataclass(frozen=True)
class Task:
    """Counters of one thread; times in ns. `waited_ns` is None on a kernel without schedstat."""

    tid: int
    name: str
    state: str
    cpu: int
    on_cpu_ns: int | None
    waited_ns: int | None
    voluntary_switches: int
    involuntary_switches: int
    minor_faults: int
    major_faults: int


def read_tasks(pid: int, proc: Path = PROC) -> dict[int, Task]:
    """All threads of a process that can be read now, by thread id; none if the process has ended."""
    try:
        folders = list((proc / str(pid) / "task").iterdir())
    except OSError:
        return {}
    return {task.tid: task for folder in folders if (task := _read_task(folder)) is not None}


def _read_task(folder: Path) -> Task | None:
    try:
        head, _, rest = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
        status = (folder / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it ended between two reads
        return None
    fields, name = rest.split(), head.partition("(")[2]
    on_cpu_ns, waited_ns = _schedstat(folder)
    return Task(
        tid=int(folder.name),
        name="".join(letter if letter.isprintable() else "?" for letter in name),
        state=fields[0],
        cpu=int(fields[_CPU]),
        on_cpu_ns=on_cpu_ns,
        waited_ns=waited_ns,
        voluntary_switches=_status(status, "voluntary_ctxt_switches"),
        involuntary_switches=_status(status, "nonvoluntary_ctxt_switches"),
        minor_faults=int(fields[_MINOR_FAULTS]),
        major_faults=int(fields[_MAJOR_FAULTS]),
    )


def _schedstat(folder: Path) -> tuple[int | None, int | None]:
    """Time on a core and time in the run queue."""
    try:
        on_cpu, waited, *_ = (folder / "schedstat").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None, None
    return int(on_cpu), int(waited)


def _status(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value)
    return 0


def spent_ns(before: dict[int, Task], after: dict[int, Task], field: str) -> int | None:
    """By how much a counter grew, over all threads; those that ended between are not in it. None where it is not told."""
    grown = [
        now - (getattr(before[tid], field) if tid in before else 0)
        for tid, task in after.items()
        if (now := getattr(task, field)) is not None
    ]
    return sum(grown) if grown else None
