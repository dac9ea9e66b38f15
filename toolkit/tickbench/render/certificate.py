"""A machine's certificate for a terminal."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from tickbench.measure.certificate import Certificate
from tickbench.render.tables import plain_table
from tickbench.render.terminal import facts


def certificate_tables(found: Certificate) -> Iterator[RenderableType]:
    """False alarms, then one row for each slowdown."""
    yield facts(certificate_facts(found))
    if not found.powers:
        return
    yield Text("")
    columns = ("injected", "gates", "found", "share", "bias, points", "interval holds it", "median s", "longest s")
    rows = (
        (
            f"+{100 * (one.slowdown - 1):.0f} %",
            one.gates,
            one.detected,
            f"{one.detected / one.gates:.0%}",
            f"{one.bias_points:+.2f}",
            f"{one.covered / one.gates:.0%}",
            f"{one.median_elapsed_s:.1f}",
            f"{one.longest_elapsed_s:.1f}",
        )
        for one in found.powers
    )
    yield plain_table(columns, rows, right=range(1, len(columns)))


def certificate_facts(found: Certificate) -> dict[str, str]:
    """The machine, its false alarms and its costs, as names and texts."""
    bound = f"at most {found.false_alarm_bound:.1%} with 95 % confidence" if found.null_gates else "not measured"
    return {
        "machine": f"{found.cpu_model or 'unknown'}, {found.cpus} cores",
        "neighbours": ", ".join(found.cells) or "–",
        "identical code": f"{found.false_alarms} false alarms in {found.null_gates} gates ({bound})",
        "time to a verdict": "–" if found.null_elapsed_s is None else f"{found.null_elapsed_s:.1f} s (median, identical code)",
        "hand-over": "–" if found.handover_us is None else f"{found.handover_us:.0f} µs between two blocks (median)",
        "clock": f"{found.clock['source']}, a reading costs {found.clock['read_cost_ns']:.1f} ns",
    }
