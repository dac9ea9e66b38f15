"""`python -m tickbench.probe` prints where the files for writers in C and Rust lie."""

import sys
from pathlib import Path

if __name__ == "__main__":
    for path in sorted((Path(__file__).parent / "native").iterdir()):
        sys.stdout.write(f"{path}\n")
