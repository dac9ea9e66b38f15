"""Probe pages under fire: readers that copy as fast as they can, and writers killed at random. Prints one JSON line.

python tests/stress/probe_campaign.py --runs 10 --records 100000000 --kills 200

                 writer process                                   reader processes, each on its own
thread 0  ->  slot 0: in flight | commit | outside | buckets  ->  copy, check the bounds, difference to the last copy
thread 1  ->  slot 1: likewise                                ->  the same; sums of differences == what was written
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from tickbench.errors import InputError
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.clock import calibrate
from tickbench.kernels.hdr import HdrGeometry, Histogram, record_many
from tickbench.kernels.jit import kernel
from tickbench.kernels.recorder import histogram_words
from tickbench.probe import Page, PageReader, find_pages
from tickbench.probe.layout import COUNTS_AT, HISTOGRAM_AT
from tickbench.probe.record import begin, copy_words, end, record

# The smallest geometry is copied in about the time of a record or two, so that copies meet half-written ones.
GEOMETRIES = (HdrGeometry(1, 100, 1), HdrGeometry())
VALUES = 1 << 12
COPIES = 200  # of a slot between two snapshots


def values_of(seed, geometry):
    """Log-normal values within the range, shape (VALUES,)."""
    drawn = np.random.default_rng(seed).lognormal(np.log(geometry.limit) / 2, 2, VALUES)
    return np.minimum(drawn, geometry.limit).astype(np.int64)


@kernel("int64(int64, int64, int64, int64)")
def write(slot, values, n, times):
    """Record the `n` values over and over, `times` records in all."""
    for i in range(times):
        record(slot, load_plain(values, i % n))
    return times


@kernel("int64(int64, int64, int64, int64, int64)")
def write_both(slot, whole, values, n, times):
    """As `write`, each within an operation of the slot `whole`."""
    for i in range(times):
        begin(whole)
        record(slot, load_plain(values, i % n))
        end(whole)
    return times


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def watch(source, copy, last, words, first_bucket, copies):
    """Copy a histogram again and again; how many copies broke the bounds, or had less in a bucket than the one before."""
    broken = 0
    for _ in range(copies):
        after = copy_words(source, copy, words)
        total = 0
        bad = False
        for i in range(first_bucket, words):
            total += load_plain(copy, i)
            bad = bad or load_plain(copy, i) < load_plain(last, i)
        broken += bad or not load_plain(copy, 0) <= total <= after + 1
        copy, last = last, copy
    return broken


def _fork(work):
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    except BaseException as error:  # whatever it is, the parent hears of it by the status
        print(repr(error), file=sys.stderr)
    finally:
        os._exit(1)


def _wait_for(pid):
    """The reader of a child's page, as soon as that is there and has its slots."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if pages := find_pages(pid):
            try:
                reader = PageReader(pages[0].path)
                if len(reader.snapshot().readings) == 2:
                    return reader
            except InputError:
                pass  # not complete yet
        time.sleep(0.0005)
    raise SystemExit("the child made no page within 30 s")


def _run_writer(clock, geometry, records):
    page = Page("campaign", clock=clock, slots=2)
    slots = [page.histogram(f"writer{i}", geometry=geometry) for i in range(2)]
    time.sleep(0.02)  # until the readers look
    threads = []
    for i, slot in enumerate(slots):
        values = values_of(i, geometry)
        threads.append(threading.Thread(target=write, args=(slot, values.ctypes.data, VALUES, records)))
        threads[-1].values = values
        threads[-1].start()
    for one in threads:
        one.join()
    page.close(keep=True)


def _run_reader(path, out):
    """Watch until the page is closed; writes its findings to the file descriptor `out`."""
    reader = PageReader(path)
    slots = list(reader._find_slots())
    words = histogram_words(slots[0].geometry)
    last, copy = np.zeros((2, 2, words), dtype=np.int64)
    first = before = reader.snapshot()
    sums = [Histogram(slots[0].geometry) for _ in slots]
    copies = broken = 0
    closed = False
    while not closed:
        closed = reader.closed  # before the snapshot: the last one must see everything
        for i, slot in enumerate(slots):
            source = reader._bytes.ctypes.data + slot.offset + 8 * HISTOGRAM_AT
            broken += watch(source, copy[i].ctypes.data, last[i].ctypes.data, words, COUNTS_AT - HISTOGRAM_AT, COPIES)
            copies += COPIES
        now = reader.snapshot()
        for total, interval in zip(sums, now.since(before).readings, strict=True):
            total.merge(interval.histogram)
        before = now
    for total, one in zip(sums, first.readings, strict=True):
        total.merge(one.histogram)
    kept = [np.array_equal(total.counts, one.histogram.counts) for total, one in zip(sums, before.readings, strict=True)]
    os.write(out, json.dumps({"copies": copies, "broken": broken, "differ": kept.count(False)}).encode() + b"\n")


def watched_run(clock, geometry, records, readers=2):
    """One run: two writers, and readers that copy flat out; findings with the number of records lost."""
    writer = _fork(lambda: _run_writer(clock, geometry, records))
    page = _wait_for(writer)
    source, target = os.pipe()
    watchers = [_fork(lambda: _run_reader(page.path, target)) for _ in range(readers)]
    statuses = [os.waitpid(pid, 0)[1] for pid in (writer, *watchers)]
    os.close(target)
    with os.fdopen(source) as lines:
        found = [json.loads(line) for line in lines]
    last, lost = page.snapshot(), 0
    for i, one in enumerate(last.readings):
        expected = _expected(values_of(i, geometry), geometry, records)
        lost += int(np.abs(expected - one.histogram.counts).sum()) + abs(one.histogram.count - records)
    page.path.unlink()
    findings = {name: sum(one[name] for one in found) for name in ("copies", "broken", "differ")}
    return findings | {"lost": lost, "failed": sum(map(bool, statuses))}


def _expected(values, geometry, records):
    """The bucket counts of that many records of `values` over and over."""
    whole, rest = Histogram(geometry), Histogram(geometry)
    record_many(whole.address, 0, values.ctypes.data, VALUES)
    record_many(rest.address, 0, values.ctypes.data, records % VALUES)
    return whole.counts * (records // VALUES) + rest.counts


def killed_run(clock, geometry, draw):
    """One writer killed at a random moment: records in doubt in each slot, and buckets that are not what was written."""
    values = values_of(0, geometry)

    def work():
        page = Page("campaign", clock=clock, slots=2)
        whole, slot = page.histogram("whole", geometry=geometry), page.histogram("value", geometry=geometry)
        write_both(slot, whole, values.ctypes.data, VALUES, 1 << 40)

    writer = _fork(work)
    page = _wait_for(writer)
    time.sleep(draw.uniform(0, 0.005))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    last = page.snapshot()
    page.path.unlink()
    whole, value = last["whole"], last["value"]
    recorded, written = whole.histogram.count, value.histogram.count
    wrong = int(np.abs(_expected(values, geometry, written) - value.histogram.counts).sum())
    recorded += whole.histogram.over_range
    fits = not last.alive and written - recorded in (0, 1) and (whole.in_flight is not None or written == recorded)
    return {"in_doubt": [whole.in_doubt, value.in_doubt], "wrong": wrong + (not fits), "records": written}


def main():
    """Run what the command line says, in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("runs", 2), ("records", 1_000_000), ("kills", 20), ("seed", 1), ("geometries", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    shared = Path("/dev/shm")
    folder = tempfile.mkdtemp(dir=shared if shared.is_dir() else None)
    os.environ["XDG_RUNTIME_DIR"] = folder
    clock, draw = calibrate(), random.Random(options.seed)
    try:
        runs = [watched_run(clock, GEOMETRIES[i % options.geometries], options.records) for i in range(options.runs)]
        kills = [killed_run(clock, GEOMETRIES[i % options.geometries], draw) for i in range(options.kills)]
    finally:
        shutil.rmtree(folder)
    totals = {name: sum(one[name] for one in runs) for name in ("copies", "broken", "differ", "lost", "failed")}
    doubts = [one for kill in kills for one in kill["in_doubt"]]
    killed = {"kills": len(kills), "wrong": sum(kill["wrong"] for kill in kills), "in_doubt": sum(doubts)}
    killed |= {"most_in_doubt": max(doubts, default=0), "records_before_kills": sum(kill["records"] for kill in kills)}
    print(json.dumps({"runs": len(runs), "records_a_slot": options.records} | totals | killed))


if __name__ == "__main__":
    main()
