"""Portable vectors: WebAssembly text with 128-bit SIMD, compiled by wasmtime; the sum and the SMA.

The same module runs wherever WebAssembly does, with 2 lanes of float64 everywhere. The SMA is a window of 20 by doubling (2,
4, 8, 16, + 4; nothing rolls); sums of 4 and of 8 that later pairs need lie in rings of 32 values. Prices are written into the
module's memory beforehand, as a host that feeds a module would do tick by tick, and answers are read there. Each call from
Python through the wasmtime package costs some microseconds: with 1,000 prices that is most of the time.
"""

import numpy as np
import wasmtime

from tickbench.components.indicators import contract
from tickbench.errors import NotMeasurableError
from tickbench.registry import variant

_MOST_PRICES = 1 << 20
_RING4, _RING8, _PRICES = 0, 256, 4096  # byte addresses in the module's memory
_ANSWERS = _PRICES + 8 * _MOST_PRICES
_PAGES = (_ANSWERS + 8 * _MOST_PRICES) // 65_536 + 1

_MODULE = f"""
(module
  (memory (export "memory") {_PAGES})
  (func (export "sum") (param $at i32) (param $n i32) (result f64)
    (local $end i32) (local $a v128) (local $b v128) (local $total f64)
    (local.set $end (i32.add (local.get $at) (i32.shl (i32.and (local.get $n) (i32.const -4)) (i32.const 3))))
    (block $done (loop $four
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $a (f64x2.add (local.get $a) (v128.load (local.get $at))))
      (local.set $b (f64x2.add (local.get $b) (v128.load offset=16 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 32)))
      (br $four)))
    (local.set $a (f64x2.add (local.get $a) (local.get $b)))
    (local.set $total (f64.add (f64x2.extract_lane 0 (local.get $a)) (f64x2.extract_lane 1 (local.get $a))))
    (local.set $end (i32.add (local.get $end) (i32.shl (i32.and (local.get $n) (i32.const 3)) (i32.const 3))))
    (block $done (loop $one
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $total (f64.add (local.get $total) (f64.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br $one)))
    (local.get $total))
  ;; means of windows of 20 for prices 19 … n - 1, two at once: lanes are prices i and i + 1, i odd
  (func (export "sma") (param $prices i32) (param $n i32) (param $out i32)
    (local $i i32) (local $at i32) (local $x2 v128) (local $before v128) (local $x4 v128) (local $x8 v128)
    (local.set $i (i32.const 1))
    (block $done (loop $pair
      (br_if $done (i32.ge_s (local.get $i) (local.get $n)))  ;; the last pair may take in one value too many
      (local.set $at (i32.add (local.get $prices) (i32.shl (local.get $i) (i32.const 3))))
      (local.set $x2 (f64x2.add (v128.load (local.get $at)) (v128.load (i32.sub (local.get $at) (i32.const 8)))))
      (local.set $x4 (f64x2.add (local.get $x2) (local.get $before)))
      (local.set $before (local.get $x2))
      (local.set $x8 (f64x2.add (local.get $x4) (v128.load offset={_RING4} (call $slot (local.get $i) (i32.const 4)))))
      (if (i32.ge_s (local.get $i) (i32.const 19)) (then
        (v128.store (i32.add (local.get $out) (i32.shl (local.get $i) (i32.const 3)))
          (f64x2.mul (f64x2.splat (f64.const 0.05))
            (f64x2.add (v128.load offset={_RING4} (call $slot (local.get $i) (i32.const 16)))
              (f64x2.add (local.get $x8) (v128.load offset={_RING8} (call $slot (local.get $i) (i32.const 8)))))))))
      (v128.store offset={_RING4} (call $slot (local.get $i) (i32.const 0)) (local.get $x4))
      (v128.store offset={_RING8} (call $slot (local.get $i) (i32.const 0)) (local.get $x8))
      (local.set $i (i32.add (local.get $i) (i32.const 2)))
      (br $pair))))
  ;; place in a ring of the pair that was `back` prices ago
  (func $slot (param $i i32) (param $back i32) (result i32)
    (i32.shl (i32.and (i32.sub (i32.sub (local.get $i) (i32.const 1)) (local.get $back)) (i32.const 31)) (i32.const 3))))
"""


class _Machine:
    """The module and its memory, seen as one array of doubles."""

    def __init__(self):
        self._store = wasmtime.Store()
        exports = wasmtime.Instance(self._store, wasmtime.Module(self._store.engine, _MODULE), []).exports(self._store)
        self._sum, self._sma, memory = exports["sum"], exports["sma"], exports["memory"]
        self._doubles = np.frombuffer(memory.get_buffer_ptr(self._store), dtype=np.float64)

    def take(self, prices):
        """Write the prices into the module's memory; what `sum` and `sma` get is this view."""
        if len(prices) > _MOST_PRICES:
            raise NotMeasurableError(f"indicators/wasm_simd: at most {_MOST_PRICES} prices fit its memory, got {len(prices)}")
        view = self._doubles[_PRICES // 8 :][: len(prices)]
        view[:] = prices
        return view

    def sum(self, prices):
        return self._sum(self._store, _PRICES, len(prices))

    def sma(self, prices):
        n, warm = len(prices), contract.LOOKBACK["sma"]
        self._sma(self._store, _PRICES, n, _ANSWERS)
        answers = self._doubles[_ANSWERS // 8 :][:n]
        answers[:warm] = np.nan
        return answers[None]


@variant(
    "indicators",
    runtime="python",
    example_of="WebAssembly SIMD, run by wasmtime",
    capabilities=("sum", "sma", "series", "nan", "recovers", "stable"),
)
def wasm_simd(_config: object) -> contract.Indicators:
    """The functions; prices lie in the module's memory."""
    machine = _Machine()
    return contract.Indicators(functions={"sum": machine.sum, "sma": machine.sma}, as_prices=machine.take)
