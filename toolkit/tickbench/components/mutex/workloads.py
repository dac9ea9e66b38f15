"""How threads use a lock: alone, against each other, timed one by one, and mostly as readers.

    thread 0 … W-1 ──lock──▶ [ the lock ]            every lock and unlock writes this line
          │        inside    [ FIRST SECOND VALUE ]  the holder writes this one
          └─────── outside   registers of its own

The threads stop when the time is up, not after a number of sections: a ticket lock whose turn belongs to a thread without a
core makes next to none.
"""

from collections.abc import Callable

from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.components.mutex import drivers
from tickbench.components.mutex.contract import FIRST, SECOND, NativeLock
from tickbench.components.shared.crowd import Crowd, Seat, run_crowd
from tickbench.errors import InputError
from tickbench.registry import Variant

# Steps of work inside: a short section is a few loads and stores and 10 ns of work, as in updating a position; a long one
# takes a µs, as in a book update under a lock.
SECTION_STEPS = {"short": 8, "long": 600}
_BATCH = {"short": 60, "long": 20}  # sections a batch; also what a thread does beyond the end, at several µs each
_ALONE_BATCH = 4_096  # some 20 µs, so that a clock reading does not show
READS_PER_WRITE = 19  # 5 % writes
_READ_BATCH = 2 * (READS_PER_WRITE + 1)


Work = Callable[[Seat], object]


def sections_of_writers(made: NativeLock, section: str, outside_steps: int) -> tuple[Work, int]:
    """The work of a thread that enters exclusively, and sections for each exclusive one: 1."""
    fixed = (made.lock, made.unlock, made.block.address, _BATCH[section], SECTION_STEPS[section], outside_steps)
    return lambda seat: drivers.contend(*fixed, *seat.timing), 1


def sections_of_readers(made: NativeLock, section: str) -> tuple[Work, int]:
    """The work of a thread that mostly reads, and sections for each exclusive one."""
    kernels = (made.lock, made.unlock, made.lock_shared, made.unlock_shared)
    fixed = (*kernels, made.block.address, _READ_BATCH, SECTION_STEPS[section], READS_PER_WRITE)
    return lambda seat: drivers.read_mostly(*fixed, *seat.timing), READS_PER_WRITE + 1


def _open(job: Job) -> NativeLock:
    made = job.variant.build(None)
    assert isinstance(made, NativeLock)
    return made


def _section(job: Job) -> str:
    section = str(job.parameters["section"])
    if section not in SECTION_STEPS:
        raise InputError(f"mutex: parameters.section is one of {', '.join(SECTION_STEPS)}, got {section!r}")
    return section


def checked(variant: Variant, made: NativeLock, entered: int, wrong: int) -> Verification:
    """Judge what the threads left: FIRST and SECOND count the exclusive sections, and nobody saw another one inside."""
    if variant.null:
        return Verification(True, 0, "the null variant excludes nobody")
    first, second = int(made.block.array[FIRST]), int(made.block.array[SECOND])
    if wrong:
        return Verification(False, entered, f"{wrong} of {entered} sections saw another thread inside")
    if (first, second) != (entered, entered):
        return Verification(False, entered, f"{entered} sections were entered, the two fields count {first} and {second}")
    return Verification(True, entered, f"{entered} sections, one thread inside at a time")


def _uncontended(job: Job) -> Result:
    """One thread takes and gives back a lock that is always free."""
    made = _open(job)
    fixed = (made.lock, made.unlock, made.block.address, _ALONE_BATCH)
    crowd = run_crowd(job, [lambda seat: drivers.alone(*fixed, *seat.timing)])
    counted = int(made.block.array[FIRST])
    right = counted == crowd.issued or job.variant.null
    return Result(
        timing="batch",
        operations=crowd.timed,
        elapsed_ns=crowd.elapsed_ns,
        histograms={"service": crowd.histogram()},
        verification=Verification(right, crowd.issued, f"{crowd.issued} times inside, counted {counted}"),
        operations_per_value=_ALONE_BATCH,
    )


def _outside(job: Job, steps: int) -> int:
    return round(steps * float(job.parameters["outside"]))


def _contended(job: Job) -> Result:
    """job.writers threads share one lock; the cost of a section is the time of all threads together."""
    made, section = _open(job), _section(job)
    work, _ = sections_of_writers(made, section, _outside(job, SECTION_STEPS[section]))
    return _result(job, made, run_crowd(job, [work] * job.writers), _BATCH[section])


def _acquire(job: Job) -> Result:
    """As contended, with the wait for the lock timed one by one: who waits how long."""
    made, section = _open(job), _section(job)
    steps = SECTION_STEPS[section]
    fixed = (made.lock, made.unlock, made.block.address, steps, _outside(job, steps))
    crowd = run_crowd(job, [lambda seat: drivers.time_acquires(*fixed, *seat.timing)] * job.writers)
    return _result(job, made, crowd, 0)


def _result(job: Job, made: NativeLock, crowd: Crowd, batch: int) -> Result:
    whole = crowd.histogram()
    counters = crowd.counters()
    if not batch:
        counters["wait_p999_ns"] = float(whole.percentiles(["99.9"])[0])
        counters["longest_wait_ns"] = float(whole.max_ns)
        counters["handed_over_percent"] = 100 * sum(crowd.noted_each) / max(1, crowd.timed)
    return Result(
        timing="batch" if batch else "operation",
        operations=crowd.timed,
        elapsed_ns=crowd.elapsed_ns,
        histograms={"service": whole},
        verification=checked(job.variant, made, crowd.issued, sum(crowd.wrong_each)),
        counters=counters,
        operations_per_value=batch or 1,
    )


def _read_mostly(job: Job) -> Result:
    """Threads that mostly read what the lock protects: where a reader-writer lock should win."""
    made = _open(job)
    work, per_write = sections_of_readers(made, _section(job))
    crowd = run_crowd(job, [work] * job.writers)
    return Result(
        timing="batch",
        operations=crowd.timed,
        elapsed_ns=crowd.elapsed_ns,
        histograms={"service": crowd.histogram()},
        verification=checked(job.variant, made, crowd.issued // per_write, sum(crowd.wrong_each)),
        counters={**crowd.counters(), "writes_percent": 100 / per_write},
        operations_per_value=_READ_BATCH,
    )


_SECTION = {"section": "short", "outside": 1.0}  # work outside, in times the work inside

WORKLOADS = {
    "uncontended": Workload("uncontended", "lock and unlock", _uncontended, needs_feed=False),
    "contended": Workload(
        "contended", "critical section", _contended, parameters=_SECTION, needs_feed=False, shown_counters=("jain_index",)
    ),
    "acquire": Workload(
        "acquire",
        "acquisition",
        _acquire,
        parameters=_SECTION,
        needs_feed=False,
        shown_counters=("jain_index", "handed_over_percent"),
    ),
    "read_mostly": Workload(
        "read_mostly",
        "section",
        _read_mostly,
        parameters={"section": "short"},
        needs_feed=False,
        shown_counters=("jain_index",),
    ),
}
