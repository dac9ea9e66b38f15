"""A small engine with a probe page, to look at: `python live_engine.py MODE NAME` prints its pid when it is warm.

`steady`: operations of 300 µs in stage `parse` and 700 µs in stage `book`, in a kernel that does not hold the GIL; `sleep`:
each operation sleeps for 20 ms besides; `faults`: each touches fresh pages; `stuck`: one begins and never ends. It ends when
its standard input does.
"""

import mmap
import sys
import threading
import time

from tickbench import probe
from tickbench.kernels.jit import kernel
from tickbench.probe.record import begin, correlate, end, now, stage

PARSE_US, BOOK_US = 300, 700
FRESH_BYTES = 4 << 20


@kernel("int64(int64, int64)")
def spin(slot, ticks):
    start = now(slot)
    while now(slot) - start < ticks:
        pass
    return 0


@kernel("int64(int64, int64, int64, int64)")
def operate(slot, parse_ticks, book_ticks, operations):
    for number in range(operations):
        begin(slot)
        correlate(slot, number)
        stage(slot, 1)
        spin(slot, parse_ticks)
        stage(slot, 2)
        spin(slot, book_ticks)
        end(slot)
    return 0


def touch_fresh_pages():
    with mmap.mmap(-1, FRESH_BYTES) as fresh:
        for at in range(0, FRESH_BYTES, mmap.PAGESIZE):
            fresh[at] = 1


def main(mode, name):
    page = probe.Page(name, stages=["idle", "parse", "book"], slots=2)
    slot, operations = page.histogram("tick"), page.counter("operations")
    parse, book = page.clock.ticks(PARSE_US * 1000), page.clock.ticks(BOOK_US * 1000)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    operate(slot, parse, book, 10)
    print(page._pid, flush=True)
    while not ended.is_set():
        page.beat()
        if mode == "steady":
            operate(slot, parse, book, 20)
            probe.python.add(operations, 20)
            continue
        begin(slot)
        stage(slot, 1)
        if mode == "sleep":
            time.sleep(0.02)
        elif mode == "faults":
            touch_fresh_pages()
        elif mode == "stuck":
            correlate(slot, 4711)
            ended.wait()
        end(slot)
    page.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
