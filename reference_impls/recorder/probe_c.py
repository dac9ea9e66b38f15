"""The probe page's C header, compiled with `cc` into a library: its record in a C function and in a C loop."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tickbench.components.recorder import GEOMETRY, RECORD, RECORD_MANY, NativeRecorder
from tickbench.errors import NotMeasurableError
from tickbench.kernels.jit import NativeFunction
from tickbench.probe import Page, PageReader, layout
from tickbench.registry import variant

_SOURCE = """
#include "tickbench_probe.h"
int64_t record_value(int64_t slot, int64_t value) { return tbp_record((tbp_slot *)slot, value); }
int64_t record_many(int64_t slot, const int64_t *values, int64_t n) {
    int64_t inside = 0;
    for (int64_t i = 0; i < n; i++) inside += tbp_record((tbp_slot *)slot, values[i]);
    return inside;
}
"""


def _build() -> ctypes.CDLL:
    if shutil.which("cc") is None:
        raise NotMeasurableError("the probe's C header needs a C compiler: none is found as cc")
    headers = Path(layout.__file__).parent / "native"
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "probe.so"
        flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC", f"-I{headers}"]
        command = ["cc", *flags, "-x", "c", "-", "-o", str(library)]
        subprocess.run(command, input=_SOURCE, text=True, check=True, capture_output=True)
        return ctypes.CDLL(str(library))  # stays mapped without its file


_LIBRARY = _build()


@variant("recorder", runtime="native", example_of="the probe page's C header, called in a C loop", capabilities=("own_loop",))
def probe_c(_config: object) -> NativeRecorder:
    """A recorder in C over a slot that Python made."""
    with Page("recorder-c", slots=1) as page:
        slot, reader = page.histogram("latency", geometry=GEOMETRY), PageReader(page.path)

    def read_counts():
        histogram = reader.snapshot()["latency"].histogram
        return np.zeros(0, dtype=np.int64) if histogram is None else histogram.counts

    record = NativeFunction(_LIBRARY, "record_value", RECORD)
    return NativeRecorder(slot, record, NativeFunction(_LIBRARY, "record_many", RECORD_MANY), read_counts, page)
