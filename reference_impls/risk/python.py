"""The check in Python: an object a symbol, attributes, one comparison after the other."""

from tickbench.components.risk import contract
from tickbench.registry import variant


@variant("risk", runtime="python", example_of="objects and attributes in Python")
def python(config: contract.RiskConfig) -> contract.RiskCheck:
    """Make a check with these limits."""
    return PythonRisk(config)


class _Symbol:
    __slots__ = ("limits", "position_lots", "reference_ticks")

    def __init__(self, limits: contract.SymbolLimits) -> None:
        self.limits, self.position_lots, self.reference_ticks = limits, 0, 0


class PythonRisk:
    """Limits and state as attributes."""

    def __init__(self, config: contract.RiskConfig) -> None:
        self._symbols = [_Symbol(limits) for limits in config.symbols]
        self._interval_ns = config.order_interval_ns
        self._tolerance_ns = (config.burst_orders - 1) * config.order_interval_ns
        self._full_at_ns = -(1 << 62)
        self._killed = False
        self._accepted = self._refused = 0

    def update(self, symbol: int, reference_ticks: int, position_lots: int) -> None:
        """Publish the reference price and the position of a symbol."""
        one = self._symbols[symbol]
        one.reference_ticks, one.position_lots = reference_ticks, position_lots

    def kill(self, on: bool) -> None:
        """Turn the kill switch."""
        self._killed = on

    def counts(self) -> tuple[int, int]:
        """Orders accepted and refused so far."""
        return self._accepted, self._refused

    def check(self, symbol: int, signed_lots: int, price_ticks: int, now_ns: int) -> int:
        """ACCEPTED, or the reason why not."""
        answer = self._reason(symbol, signed_lots, price_ticks)
        if answer == contract.ACCEPTED:
            if self._full_at_ns - now_ns <= self._tolerance_ns:
                self._full_at_ns = max(self._full_at_ns, now_ns) + self._interval_ns
                self._accepted += 1
                return contract.ACCEPTED
            answer = contract.RATE
        self._refused += 1
        return answer

    def _reason(self, symbol: int, signed_lots: int, price_ticks: int) -> int:
        lots = abs(signed_lots)
        if self._killed:
            return contract.KILLED
        in_range = 0 < lots <= contract.MAX_LOTS and 0 < price_ticks <= contract.MAX_PRICE_TICKS
        if not (in_range and 0 <= symbol < len(self._symbols)):
            return contract.MALFORMED
        one = self._symbols[symbol]
        limits, ends = one.limits, one.position_lots + signed_lots
        if lots > limits.max_order_lots:
            return contract.FAT_FINGER
        if one.reference_ticks == 0:
            return contract.NO_REFERENCE
        if abs(price_ticks - one.reference_ticks) > limits.collar_ticks:
            return contract.COLLAR
        if lots * price_ticks > limits.max_notional_lot_ticks:
            return contract.NOTIONAL
        if (ends if signed_lots > 0 else -ends) > limits.position_limit_lots:
            return contract.POSITION
        return contract.ACCEPTED
