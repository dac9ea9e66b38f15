"""What every workload starts and ends with: a warm, empty book with its driver, and the check of what the book then holds."""

from dataclasses import dataclass

from tickbench.components.component import Job, Verification
from tickbench.components.order_book.contract import NativeBook, OrderBook
from tickbench.components.order_book.driver import Driver
from tickbench.components.order_book.native_driver import NativeDriver
from tickbench.components.order_book.oracle import Levels, book_config, book_difference, final_levels
from tickbench.components.order_book.python_driver import PythonDriver
from tickbench.components.order_book.script import Script
from tickbench.errors import InputError, WrongResultError

NS_PER_S = 1_000_000_000
# A pass is cut to the events that fit into this many times the asked duration, so that a slow variant ends in time.
_PASS_LIMIT = 4


@dataclass(frozen=True)
class Session:
    """One book under test, its driver, and the feed as a script of which `events` are replayed in a pass."""

    job: Job
    script: Script
    book: OrderBook
    driver: Driver
    events: int

    @classmethod
    def open(cls, job: Job) -> "Session":
        """Build the book and replay the feed once, untimed, so that code, memory and branches are warm; then empty it.

        How far that pass comes within the limit is how many events each timed pass replays.
        """
        if job.feed is None or not len(job.feed.side):
            raise InputError("an order book workload needs a feed with at least one level update")
        script = Script.of(job.feed)
        threads = max(1, job.writers + job.readers)
        book: OrderBook = job.variant.build(book_config(job.feed, threads=threads))
        driver: Driver = NativeDriver(book, job.clock) if isinstance(book, NativeBook) else PythonDriver(book)
        events = driver.warm_up(script, round(_PASS_LIMIT * job.seconds * NS_PER_S))
        session = cls(job, script, book, driver, events)
        session.rewind()
        return session

    @property
    def duration_ns(self) -> int:
        """How much timed time was asked for."""
        return round(self.job.seconds * NS_PER_S)

    def rewind(self) -> None:
        """Delete all levels, untimed; raises WrongResultError if some are left."""
        left = self.driver.clear()
        if left:
            raise WrongResultError(
                f"order_book/{self.job.variant.name}: {left} levels are left after each level that top() showed was deleted"
            )

    def verify_prefix(self, events: int) -> Verification:
        """Compare the book with a model after the first `events` events of the feed."""
        assert self.job.feed is not None
        return self.verify_levels(*final_levels(self.job.feed, until_event=events))

    def verify_levels(self, bids: Levels, asks: Levels) -> Verification:
        """Compare every level, the counts and the best with what they should be."""
        if self.job.variant.null:
            return Verification(True, 0, "null: nothing to verify")
        difference = book_difference(self.book, bids, asks)
        checks = len(bids) + len(asks)
        found = f"after the timed run: {difference}" if difference else f"all {checks} levels as they should be"
        return Verification(difference is None, checks, found)
