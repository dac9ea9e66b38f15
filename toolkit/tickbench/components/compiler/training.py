"""The training run of profile-guided optimisation, a script: `training.py LIBRARY LOOP` and five numbers.

It needs nothing but the standard library, so that it starts in a few hundredths of a second. Inputs are in LOOP.inputs.
"""

import ctypes
import sys
from pathlib import Path


def main() -> None:
    """Call one loop over its inputs, over and over; the profile is written when the process ends."""
    library, loop, *numbers = sys.argv[1:]
    state_words, output_words, elements, passes, first_word = (int(text) for text in numbers)
    state = (ctypes.c_int64 * state_words)(first_word)
    inputs = Path(f"{loop}.inputs").read_bytes()
    outputs = (ctypes.c_int64 * (output_words * elements))()
    function = getattr(ctypes.CDLL(library), loop)
    function.restype = ctypes.c_int64
    for _ in range(passes):
        function(state, inputs, outputs, ctypes.c_int64(elements))


if __name__ == "__main__":
    main()
