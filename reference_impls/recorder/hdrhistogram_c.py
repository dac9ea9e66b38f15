"""HdrHistogram_c, the C library: found on the system, or where TICKBENCH_HDR_C says; its loop is built with `cc`.

Debian: apt-get install libhdr-histogram-dev.
"""

import ctypes
import ctypes.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tickbench.components.recorder import GEOMETRY, RECORD, RECORD_MANY, NativeRecorder
from tickbench.errors import NotMeasurableError
from tickbench.kernels.jit import NativeFunction
from tickbench.registry import variant

_LOOP = """
#include <stdint.h>
#include <stdbool.h>
bool hdr_record_value(void *histogram, int64_t value);
int64_t record_many(int64_t histogram, const int64_t *values, int64_t n) {
    for (int64_t i = 0; i < n; i++) hdr_record_value((void *)histogram, values[i]);
    return n;
}
"""


def _find_library() -> ctypes.CDLL:
    name = os.environ.get("TICKBENCH_HDR_C") or ctypes.util.find_library("hdr_histogram")
    if not name:
        raise NotMeasurableError("needs HdrHistogram_c: install libhdr-histogram-dev, or set TICKBENCH_HDR_C to the library")
    try:
        return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)  # global: the loop finds hdr_record_value in it
    except OSError as error:
        raise NotMeasurableError(f"HdrHistogram_c cannot be loaded from {name}: {error}") from error


_LIBRARY = _find_library()


def _build_loop() -> NativeFunction | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "loop.so"
        command = [compiler, "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
        subprocess.run(command, input=_LOOP, text=True, check=True, capture_output=True)
        return NativeFunction(ctypes.CDLL(str(library)), "record_many", RECORD_MANY)  # stays mapped without its file


@variant("recorder", runtime="native", example_of="HdrHistogram_c, called in a C loop", capabilities=("own_loop",))
def hdrhistogram_c(_config: object) -> NativeRecorder:
    """A recorder over a histogram of the C library."""
    state = ctypes.c_void_p()
    failed = _LIBRARY.hdr_init(
        ctypes.c_int64(GEOMETRY.lowest), ctypes.c_int64(GEOMETRY.highest), ctypes.c_int(GEOMETRY.digits), ctypes.byref(state)
    )
    if failed or not state.value:
        raise NotMeasurableError(f"HdrHistogram_c: hdr_init failed with {failed}")
    count_at = _LIBRARY.hdr_count_at_index
    count_at.argtypes, count_at.restype = [ctypes.c_void_p, ctypes.c_int32], ctypes.c_int64

    def read_counts():
        return np.array([count_at(state, row) for row in range(GEOMETRY.counts_len)], dtype=np.int64)

    record = NativeFunction(_LIBRARY, "hdr_record_value", RECORD)
    return NativeRecorder(state.value, record, _build_loop(), read_counts, _LIBRARY)
