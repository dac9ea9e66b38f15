"""The middle step of profile-guided optimisation: run the instrumented library, so that it leaves a profile.

gcc's library writes one .gcda file a unit when the process ends; clang's writes raw profiles that llvm-profdata has to merge.
The training inputs come from the generators of the workloads, with a seed of their own. Where gcc is given a profile it also
unrolls, peels and clones more than at -O3 (its manual, under -fprofile-use), so the difference is not the profile's alone.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tickbench.components.compiler import contract
from tickbench.errors import NotMeasurableError

TRAINING_SEED = 20_240_229
TRAINING_ELEMENTS = 16_384
TRAINING_PASSES = 8
_SCRIPT = Path(__file__).with_name("training.py")
_TIMEOUT_S = 120


def training_hash() -> str:
    """A hash of everything that decides what the profile says."""
    parts = (Path(contract.__file__).read_bytes(), _SCRIPT.read_bytes(), Path(__file__).read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def collect_profile(folder: Path, library: str, *, is_clang: bool) -> str:
    """Train `library` in `folder`; the flag that uses the profile. Raises NotMeasurableError where none is left."""
    for loop in contract.LOOPS:
        inputs = contract.make_inputs(loop, TRAINING_SEED, TRAINING_ELEMENTS)
        (folder / f"{loop}.inputs").write_bytes(inputs.tobytes())
        state_words, _, output_words = contract.WORDS[loop]
        _train(folder, library, loop, state_words, output_words)
        (folder / f"{loop}.inputs").unlink()
    if is_clang:
        return _merge(folder)
    missing = [unit for unit in ("loops", "operations") if not (folder / f"{unit}.gcda").is_file()]
    if missing:
        raise NotMeasurableError(
            f"not measured: the training run left no profile for {' and '.join(missing)}: "
            "does this compiler support -fprofile-generate with libgcov?"
        )
    return "-fprofile-use"


def _train(folder: Path, library: str, loop: str, state_words: int, output_words: int) -> None:
    """Run one loop in a process of its own: profiles are written, and added up, at its end."""
    numbers = (state_words, output_words, TRAINING_ELEMENTS, TRAINING_PASSES, contract.PERIOD)
    command = [sys.executable, "-I", "-S", str(_SCRIPT), str(folder / library), loop, *map(str, numbers)]
    # The user's own settings would send the profile elsewhere.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GCOV_", "LLVM_PROFILE_"))}
    environment["LLVM_PROFILE_FILE"] = str(folder / "training-%p.profraw")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise NotMeasurableError(
            f"not measured: the training run of {loop} ended with status {done.returncode}: {done.stderr.strip()[-500:]}"
        )


def _merge(folder: Path) -> str:
    merger = shutil.which("llvm-profdata")
    if merger is None:
        raise NotMeasurableError(
            "not measured: profiles of clang need llvm-profdata, which is not on PATH: install it (Debian: apt-get install "
            "llvm)"
        )
    raw = [str(path) for path in sorted(folder.glob("training-*.profraw"))]
    command = [merger, "merge", "-o", str(folder / "training.profdata"), *raw]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise NotMeasurableError(
            f"not measured: llvm-profdata could not merge {len(raw)} profiles (is it as new as clang?): "
            f"{done.stderr.strip()[-500:]}"
        )
    return "-fprofile-use=training.profdata"
