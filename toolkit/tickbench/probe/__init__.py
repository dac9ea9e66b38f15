"""The probe page: latency histograms of a live engine in shared memory, readable while it runs and after it was killed.

In the engine (kernels import `begin`, `end`, … from `tickbench.probe.record`):

    from tickbench import probe
    from tickbench.kernels.jit import kernel
    from tickbench.probe.record import begin, end, lap, stage

    page = probe.Page("my_engine", stages=["idle", "parse", "book"])  # once a process; after a fork the child makes its own
    WHOLE, PARSE = page.histogram("tick"), page.histogram("parse")    # addresses; one writer a slot: claim one a thread

    @kernel("int64(int64, int64, int64)")
    def on_tick(whole, parse, frame):
        t = begin(whole)              # an operation is in flight; t is the reading of the clock
        stage(whole, 1)
        ...                           # parse the frame
        t = lap(parse, t)             # the time since t goes to `parse`; the next lap starts here
        stage(whole, 2)
        ...                           # update the book
        return end(whole)             # the time since `begin` goes to `tick`

    risk = probe.Probe(page.histogram("risk"))                        # plain Python: `with risk:`, or @risk on a function
    sent = page.counter("orders")                                     # record.add in kernels, probe.python.add in Python
    page.beat()                                                       # about once a second, from the loop that must turn

From outside, as the same user:

    with probe.PageReader.of(pid) as reader:                          # also if the process is dead: reader.alive
        before = reader.snapshot()
        ...
        interval = reader.snapshot().since(before)
        interval["tick"].histogram.percentile(99)                     # a tickbench.kernels.hdr.Histogram; .in_flight.age_ns

The layout is in `layout.py`; C writers include `native/tickbench_probe.h`, Rust writers `native/tickbench_probe.rs`
(`python -m tickbench.probe` prints where they lie).
"""

from tickbench.probe.page import Page
from tickbench.probe.place import PageName, runtime_folder
from tickbench.probe.python import Probe
from tickbench.probe.reader import PageReader, find_pages
from tickbench.probe.snapshot import InFlight, Reading, Snapshot

__all__ = [
    "InFlight",
    "Page",
    "PageName",
    "PageReader",
    "Probe",
    "Reading",
    "Snapshot",
    "find_pages",
    "runtime_folder",
]
