"""Compile every kernel once, before anything is measured or even discovered, so that no later process compiles.

First what all variants share, then the modules of variants side by side. A marker in the cache folder, named after the files
that were compiled, says that there is nothing to do.
"""

import hashlib
import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tickbench import registry
from tickbench.errors import UsageError
from tickbench.kernels import cache
from tickbench.measure.job import WorkerJob
from tickbench.measure.observer import Observer
from tickbench.measure.pool import new_job, run_all

COMPILE_TIMEOUT_S = 600.0  # the largest module takes some 20 s on one slow core; this only stops what hangs
_OWN_KERNELS = "tickbench.measure.provenance"  # kernels of this layer


@dataclass(frozen=True)
class CacheUse:
    """Kernels taken from the cache and kernels compiled, in all workers so far."""

    hits: int = 0
    misses: int = 0

    def plus(self, hits: int, misses: int) -> "CacheUse":
        """With one more worker."""
        return CacheUse(self.hits + hits, self.misses + misses)


def prepare(components: Iterable[str], impls: Sequence[str], observer: Observer) -> CacheUse:
    """Compile what is not in the cache; raises UsageError naming a module that crashes on import."""
    use = CacheUse()
    for component in sorted(set(components)):
        modules = [*registry.module_names(component), *impls]
        marker = _marker(component, modules)
        if marker.exists():
            continue
        observer.stage(f"compiling kernels of {component}", len(modules) + 1)
        shared = [new_job(component, task="compile", impls=list(impls))]
        own = [new_job(component, task="compile", module=one, impls=list(impls)) for one in modules]
        for jobs in (shared, own):
            use = _compile(jobs, use, observer)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    return use


def _compile(jobs: Sequence[WorkerJob], use: CacheUse, observer: Observer) -> CacheUse:
    for job, answer in run_all(jobs, COMPILE_TIMEOUT_S):
        name = job.module or f"shared code of {job.component}"
        if answer.failure in {"crashed", "timed_out"}:
            raise UsageError(f"{name} cannot be imported: the process was {answer.detail}\n{answer.stderr}".rstrip())
        observer.done(f"{name}: {answer.cache_misses} compiled")  # what merely raises is reported by discovery
        use = use.plus(answer.cache_hits, answer.cache_misses)
    return use


def _marker(component: str, modules: Iterable[str]) -> Path:
    """Where the marker of these files, in this state, compiled for this processor, would be."""
    import llvmlite.binding

    digest = hashlib.sha256(f"{component} {llvmlite.binding.get_host_cpu_name()}".encode())
    for module in (_OWN_KERNELS, *modules):
        digest.update(_state_of(module).encode())
    return cache.kernel_folder() / f"compiled-{digest.hexdigest()[:24]}"


def _state_of(module: str) -> str:
    """Name, time and size of a module's file, without importing it."""
    path = Path(module)
    if path.suffix != ".py":
        spec = importlib.util.find_spec(module)
        path = Path(spec.origin) if spec and spec.origin else path
    try:
        status = path.stat()
    except OSError:
        return f"{module} absent\n"
    return f"{module} {status.st_mtime_ns} {status.st_size}\n"
