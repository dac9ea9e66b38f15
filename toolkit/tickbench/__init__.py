"""tickbench: benchmarks, budgets and profiles for low-latency trading engines."""

from pathlib import Path

__version__ = "0.1.0"

# In a checkout the content folders (reference_impls, scenarios, reports) lie beside toolkit/, in a wheel they lie inside
# this package. Extending the search path gives each module one name in both.
_checkout_root = Path(__file__).resolve().parents[2]
if (_checkout_root / "pyproject.toml").is_file() and (_checkout_root / "reference_impls").is_dir():
    __path__.append(str(_checkout_root))
