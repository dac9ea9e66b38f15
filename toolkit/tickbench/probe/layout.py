"""The probe page, byte by byte: version 1. Little-endian; a field is a 64-bit word, or text in UTF-8 padded with zeros.

    byte   header                                        byte   histogram slot, on a 4 KiB boundary
    0      magic, stored last: the page is complete      0      operation: odd while one is in flight
    8      layout version                                8      its start, in ticks of the page's clock
    16     bytes of the file                             16     stage that it is in
    24     pid of the writer                             24     its correlation id
    32     its start time, clock ticks since boot        64     clock: 0 time-stamp counter, 1 CLOCK_MONOTONIC
           (field 22 of /proc/PID/stat)                  72     ns a tick, float64
    40     boot id, 16 bytes                             128    the histogram of kernels/recorder.py:
    56     state: 1 live, 2 closed                                 +0    count | sum | max | min, in ns
    64     clock: 0 time-stamp counter, 1 monotonic                +128  over-range | negative
    72     ns a tick, float64                                      +256  limit | mask | top bit | half magnitude |
    80     ticks, CLOCK_MONOTONIC and CLOCK_REALTIME                     offset | buckets | lowest | highest | digits
           of one instant (ns)                                     +384  int64 counts, one a bucket
    104    error of the rate in ppm, float64
    128    heartbeat, CLOCK_MONOTONIC (ns)               byte   counter or gauge slot, 128 bytes
    192    stage names: offset, entries                  0      value
    208    directory: offset, entries
    224    slots: offset of the first                    byte   directory entry, 256 bytes
    256    application, 64 bytes                         0      state: 0 free, 1 being made, 2 live, 3 retired
    320    language of the writer, 64 bytes              8      kind: 1 histogram, 2 counter, 3 gauge
    384    entries claimed (writer only)                 16     offset of the slot | 24 its bytes
    392    bytes claimed (writer only)                   32     lowest | 40 highest | 48 digits
    4096   stage names, 64 of 64 bytes: number = place   56     thread id of the claimer
    8192   directory, 256 entries                        64     name, 64 bytes | 128 tag, 64 bytes | 192 unit, 16 bytes
    73728  slots

Who writes what: the header and the directory are written before use and change only in states and the heartbeat. A slot has
one writer at any time. Its first 64 bytes, its commit line (+0) and its outside line (+128) lie two cache lines apart.

One record: bucket, sum, max and min, then the count with release. One operation: start, then an odd number with release;
its record; then the next even number with release. Counters only grow and nothing is ever reset.
A reader loads the count (c0), copies the buckets, loads the count again (c1), each with acquire: the buckets of the copy add
up to c0 at least and to c1 + 1 at most, since all but the record in flight are counted before the next one starts.
"""

import numpy as np

from tickbench.kernels.recorder import HEADER_WORDS

MAGIC = int.from_bytes(b"TICKPROB", "little")
VERSION = 1
SUFFIX = ".lat"

LIVE, CLOSED = 1, 2  # states of a page
FREE, MAKING, READY, RETIRED = range(4)  # states of a directory entry
HISTOGRAM, COUNTER, GAUGE = 1, 2, 3  # kinds of a slot
KIND_NAMES = {HISTOGRAM: "histogram", COUNTER: "counter", GAUGE: "gauge"}

HEADER = np.dtype(
    {
        "names": [
            *("magic", "version", "total_bytes", "pid", "start_ticks", "boot_id", "state"),
            *("clock", "ns_per_tick", "clock_ticks", "clock_mono_ns", "clock_real_ns", "error_ppm", "heartbeat_ns"),
            *("stages_at", "stages", "directory_at", "entries", "slots_at", "app", "language", "claimed", "claimed_bytes"),
        ],
        "formats": [
            *("<u8", "<u8", "<u8", "<u8", "<u8", "V16", "<u8"),
            *("<u8", "<f8", "<i8", "<i8", "<i8", "<f8", "<i8"),
            *("<u8", "<u8", "<u8", "<u8", "<u8", "S64", "S64", "<u8", "<u8"),
        ],
        "offsets": [
            *(0, 8, 16, 24, 32, 40, 56),
            *(64, 72, 80, 88, 96, 104, 128),
            *(192, 200, 208, 216, 224, 256, 320, 384, 392),
        ],
        "itemsize": 4096,
    }
)
ENTRY = np.dtype(
    {
        "names": ["state", "kind", "offset", "bytes", "lowest", "highest", "digits", "tid", "name", "tag", "unit"],
        "formats": ["<u8", "<u8", "<u8", "<u8", "<i8", "<i8", "<u8", "<u8", "S64", "S64", "S16"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56, 64, 128, 192],
        "itemsize": 256,
    }
)
NAME_BYTES = 64  # of an application, a stage, a slot and a tag; the last one stays 0
STAGES, ENTRIES = 64, 256
STAGES_AT = HEADER.itemsize
DIRECTORY_AT = STAGES_AT + STAGES * NAME_BYTES
SLOTS_AT = DIRECTORY_AT + ENTRIES * ENTRY.itemsize
ALIGNMENT_BYTES = 4096  # of a histogram slot

# Words of a histogram slot, and of what a reader copies of it: everything from OPERATION on.
OPERATION, START_TICKS, STAGE, CORRELATION = range(4)
CLOCK, NS_PER_TICK = 8, 9
HISTOGRAM_AT = 16
COUNTS_AT = HISTOGRAM_AT + HEADER_WORDS
COUNTER_BYTES = 128
