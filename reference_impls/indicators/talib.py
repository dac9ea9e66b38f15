"""TA-Lib, the C library that everybody compares with.

The wheel brings the C library as a shared object of its own. The workloads of one indicator call its C functions (TA_SMA, …)
from our compiled driver, into the caller's memory, through a shim that fills the warm-up with NaN (as the Python package
does): no Python is involved. The workload `call` uses the Python package, with its checks, its copy and its allocation.

It has no imbalance, so no pipeline. After a NaN its SMA is NaN for ever (the sum rolls) and its RSI 0,
and its deviation is E[x²] - E[x]², which has no digits left where the noise is 1e-8 of the price.
"""

import ctypes
from importlib.metadata import files

import llvmlite.binding
import talib as package
from numba import types

from tickbench.components.indicators import contract
from tickbench.components.indicators.contract import SERIES
from tickbench.components.indicators.parts import fill_nan
from tickbench.errors import NotMeasurableError
from tickbench.kernels.jit import kernel
from tickbench.registry import variant


def _load_library() -> ctypes.CDLL:
    """The C library that the package has loaded; its symbols become known to the compiler by name."""
    found = [file for file in files("ta-lib") or () if "libta-lib" in file.name or "libta_lib" in file.name]
    for path in (str(found[0].locate()),) if found else ():
        llvmlite.binding.load_library_permanently(path)
        return ctypes.CDLL(path)
    raise NotMeasurableError("needs the C library of TA-Lib: the installed package ta-lib brings none; install its wheel")


_LIBRARY = _load_library()  # the import of the package called TA_Initialize
_PERIOD, _RSI_PERIOD = contract.SMA_PERIOD, contract.RSI_PERIOD
_FAST, _SLOW, _SIGNAL, _WIDTH = contract.MACD_FAST, contract.MACD_SLOW, contract.MACD_SIGNAL, contract.BOLLINGER_DEVIATIONS
_SMA_AT, _EMA_AT, _RSI_AT, _MACD_AT = (contract.LOOKBACK[name] for name in ("sma", "ema", "rsi", "macd"))

# (first, last, prices, period, &begin, &count, out), ints of C; addresses as int64. ta_func.h of TA-Lib 0.6 and later.
_ONE_PERIOD = types.int32(types.int32, types.int32, types.int64, types.int32, types.int64, types.int64, types.int64)
_ta_sma, _ta_ema, _ta_rsi = (types.ExternalFunction(f"TA_{name}", _ONE_PERIOD) for name in ("SMA", "EMA", "RSI"))
_ta_macd = types.ExternalFunction(
    "TA_MACD", types.int32(*[types.int32] * 2, types.int64, *[types.int32] * 3, *[types.int64] * 5)
)
_ta_bbands = types.ExternalFunction(
    "TA_BBANDS",
    types.int32(*[types.int32] * 2, types.int64, types.int32, *[types.float64] * 2, types.int32, *[types.int64] * 5),
)
# Where outputs begin and how many there are is known beforehand: the C functions write it over the first two places of `out`,
# which are in the warm-up (14 or more) and become NaN afterwards.


@kernel(SERIES)
def _sma(prices, n, out):
    if n > _SMA_AT:
        _ta_sma(0, n - 1, prices, _PERIOD, out, out + 8, out + 8 * _SMA_AT)
    return fill_nan(out, n, _SMA_AT, 1)


@kernel(SERIES)
def _ema(prices, n, out):
    if n > _EMA_AT:
        _ta_ema(0, n - 1, prices, _PERIOD, out, out + 8, out + 8 * _EMA_AT)
    return fill_nan(out, n, _EMA_AT, 1)


@kernel(SERIES)
def _rsi(prices, n, out):
    if n > _RSI_AT:
        _ta_rsi(0, n - 1, prices, _RSI_PERIOD, out, out + 8, out + 8 * _RSI_AT)
    return fill_nan(out, n, _RSI_AT, 1)


@kernel(SERIES)
def _macd(prices, n, out):
    line, signal, histogram = out + 8 * _MACD_AT, out + 8 * (_MACD_AT + n), out + 8 * (_MACD_AT + 2 * n)
    if n > _MACD_AT:
        _ta_macd(0, n - 1, prices, _FAST, _SLOW, _SIGNAL, out, out + 8, line, signal, histogram)
    fill_nan(out, n, _MACD_AT, 3)
    return n


@kernel(SERIES)
def _bollinger(prices, n, out):
    upper, middle, lower = out + 8 * _SMA_AT, out + 8 * (_SMA_AT + n), out + 8 * (_SMA_AT + 2 * n)
    if n > _SMA_AT:
        _ta_bbands(0, n - 1, prices, _PERIOD, _WIDTH, _WIDTH, 0, out, out + 8, upper, middle, lower)
    fill_nan(out, n, _SMA_AT, 3)
    return n


@variant(
    "indicators",
    runtime="native",
    example_of="TA-Lib's C functions, and its Python package for calls from Python",
    capabilities=("sma", "ema", "rsi", "macd", "bollinger", "series", "batch", "call"),
)
def talib(_config: object) -> contract.Indicators:
    """The C functions, and the package's RSI."""
    kernels = {"sma": _sma, "ema": _ema, "rsi": _rsi, "macd": _macd, "bollinger": _bollinger}
    return contract.Indicators(kernels, rsi_of=lambda prices: package.RSI(prices, _RSI_PERIOD), owner=_LIBRARY)
