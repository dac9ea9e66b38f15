"""Facts about this machine, read without changing anything; None where it does not tell."""

import os
import platform
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

ROOT = Path("/")
# What pyperf finds out and a reader of results may ask for. Not in it: the host's name, paths, times.
_PYPERF_KEYS = (
    "aslr",
    "cpu_config",
    "cpu_freq",
    "cpu_affinity",
    "isolated_cpus",
    "load_avg_1min",
    "runnable_threads",
)


def allowed_cpus() -> list[int]:
    """Cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def read_text(path: str, root: Path = ROOT) -> str | None:
    """A file of /proc or /sys, stripped; None where it is absent or closed to us."""
    try:
        return (root / path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def cpu_field(name: str, root: Path = ROOT) -> str | None:
    """A field of the first processor in /proc/cpuinfo."""
    for line in (read_text("proc/cpuinfo", root) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def cpu_model(root: Path = ROOT) -> str | None:
    """Name of the processor."""
    return cpu_field("model name", root) or cpu_field("Model", root) or platform.processor() or None


def governor(root: Path = ROOT) -> str | None:
    """The frequency governor of the first core; None in most virtual machines."""
    return read_text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", root)


def under_hypervisor(root: Path = ROOT) -> bool | None:
    """Whether this is a virtual machine, as the CPU flags say; None where there are no such flags."""
    flags = cpu_field("flags", root)
    return None if flags is None else "hypervisor" in flags.split()


def memory_bytes(root: Path = ROOT) -> int | None:
    """Memory of the machine."""
    for line in (read_text("proc/meminfo", root) or "").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def package_versions() -> dict[str, str]:
    """Versions of what tickbench depends on, as far as it is installed."""
    try:
        stated = requires("tickbench") or []
    except PackageNotFoundError:  # run from a checkout that was never installed
        stated = ["numpy", "numba"]
    names = {"".join(c if c.isalnum() or c in "-_." else " " for c in one).split()[0] for one in stated}
    found = {}
    for name in sorted(names | {"llvmlite"}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def pyperf_facts() -> dict[str, str | int | float]:
    """What pyperf records about the state of the machine."""
    import pyperf

    metadata = pyperf.Run([1.0]).get_metadata()
    return {key: metadata[key] for key in _PYPERF_KEYS if key in metadata}
