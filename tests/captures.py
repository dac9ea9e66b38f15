"""Where the real captures are, for the tests that need them."""

import os
from pathlib import Path

import pytest

FUTURES = "binance-usdm-btcusdt-20240808.jsonl.gz"
SPOT = "binance-spot-btcusdt-20240808.jsonl.gz"


def capture_path(name: str) -> Path:
    """Path of a real capture; skips the calling test where it is absent."""
    default_folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("TICKBENCH_CAPTURES", default_folder)) / name
    if not path.is_file():
        pytest.skip(f"needs the capture {name}: set TICKBENCH_CAPTURES to its folder")
    return path
