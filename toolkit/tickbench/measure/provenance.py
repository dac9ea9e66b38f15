"""Where, when, with what and from which revision a run is made. No environment variable and no path of this machine goes in."""

import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

import tickbench
from tickbench.feeds import Feed
from tickbench.kernels.clock import Clock, now_ticks
from tickbench.kernels.hdr import Histogram, record
from tickbench.kernels.jit import kernel
from tickbench.measure import machine
from tickbench.measure.certificate import known
from tickbench.results.run_file import ClockRecord, FeedRecord, Provenance

_RECORDS = 20_000
_BATCHES = 5
_GIT_TIMEOUT_S = 10.0


def now_utc() -> str:
    """The time to the second, ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def collect(command: Sequence[str], seed: int, clock: Clock, feeds: dict[str, Feed]) -> Provenance:
    """All that is known before the first round."""
    import llvmlite.binding

    revision, clean = git_state(checkout_root())
    return Provenance(
        tickbench=tickbench.__version__,
        command=list(command),
        started_at=now_utc(),
        seed=seed,
        cpu_model=machine.cpu_model(),
        cpus=len(machine.allowed_cpus()),
        allowed_cpus=machine.allowed_cpus(),
        memory_bytes=machine.memory_bytes(),
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        governor=machine.governor(),
        hypervisor=machine.under_hypervisor(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        llvm_target_cpu=llvmlite.binding.get_host_cpu_name(),
        packages=machine.package_versions(),
        machine=machine.pyperf_facts(),
        revision=revision,
        clean=clean,
        clock=_clock_record(clock),
        feeds=[feed_record(spec, feed) for spec, feed in feeds.items()],
        certificate=None if (told := known()) is None else msgspec.to_builtins(told),
    )


def feed_record(spec: str, feed: Feed) -> FeedRecord:
    """One input in the form of the run file."""
    return FeedRecord(spec=spec, name=feed.name, sha256=feed.sha256, events=len(feed.receive_ns), updates=len(feed.side))


def _clock_record(clock: Clock) -> ClockRecord:
    return ClockRecord(
        source=clock.source_name,
        error_ppm=clock.error_ppm,
        read_cost_ns=clock.read_cost_ns,
        recorder_cost_ns=recorder_cost_ns(clock),
        refusal=clock.refusal,
    )


@kernel("int64(int64, int64, int64, int64)")
def _record_repeatedly(source: Any, words: Any, index: Any, records: Any) -> Any:
    """Ticks that `records` records of small varying values take."""
    start = now_ticks(source)
    for i in range(records):
        record(words, index, i & 1023)
    return now_ticks(source) - start


def recorder_cost_ns(clock: Clock) -> float:
    """What one record into a histogram costs here, loop included: the fastest of some batches, in ns."""
    histogram = Histogram()
    batches = [_record_repeatedly(clock.source, histogram.address, histogram.index, _RECORDS) for _ in range(_BATCHES)]
    return float(min(batches) * clock.ns_per_tick / _RECORDS)


def checkout_root() -> Path | None:
    """The root of the checkout that tickbench runs from; None for an installed wheel."""
    root = Path(tickbench.__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / ".git").exists() else None


def git_state(root: Path | None) -> tuple[str | None, bool | None]:
    """Revision of a checkout and whether its tree is clean; (None, None) where git can't tell."""
    if root is None:
        return None, None
    revision = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain")
    return revision or None, None if status is None else not status


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
