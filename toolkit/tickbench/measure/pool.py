"""Several workers at a time, for what is not timed: compiling and verifying."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from tickbench.measure import spawn
from tickbench.measure.job import WorkerAnswer, WorkerJob
from tickbench.measure.machine import allowed_cpus

RunWorker = Callable[[WorkerJob, float], WorkerAnswer]


def run_all(jobs: Sequence[WorkerJob], timeout_s: float) -> Iterator[tuple[WorkerJob, WorkerAnswer]]:
    """Run jobs in as many processes as there are cores; yields each as it ends. An interrupt ends all of them."""
    executor = ThreadPoolExecutor(max_workers=len(allowed_cpus()))
    try:
        futures = {executor.submit(spawn.run_worker, job, timeout_s): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:  # Ctrl-C, or the caller gave up: nothing may run on behind its back
        executor.shutdown(wait=False, cancel_futures=True)
        spawn.kill_all()
        raise
    finally:
        executor.shutdown()


def new_job(component: str, **fields: object) -> WorkerJob:
    """A job for any core, of this process."""
    task = fields.pop("task")
    return WorkerJob(task=task, component=component, parent_pid=os.getpid(), cpus=allowed_cpus(), **fields)  # type: ignore[arg-type]
