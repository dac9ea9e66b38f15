"""Small views of a run, made up for tests of figures: seeded, no run file, no machine."""

from functools import cache

import numpy as np

from tickbench.render.view import model


def a_report(**changes):
    given = {
        "title": "run",
        "run": "run.json",
        "verdict": model.Verdict("not judged", "", (), (), ""),
        "budgets": (),
        "budgets_summary": "",
        "waterfall": None,
        "claims": (),
        "claims_summary": "",
        "comparison": None,
        "scenarios": (),
        "sweeps": (),
        "memory": (),
        "history": (),
        "facts": (),
        "certificate": (),
        "method": (),
    }
    return model.Report(**(given | changes))


def a_scenario(scenario="full/order-book-latency", **changes):
    given = {
        "id": scenario,
        "anchor": "s1",
        "why": "How long a single update takes, and its tail.",
        "component": "order_book",
        "workload": "latency",
        "operation": "update",
        "load_text": "closed loop",
        "threads_text": "1 thread",
        "batch": False,
        "open_loop": False,
        "unit": "ns",
        "finding": "lockfree_ladder is the fastest at p99: 240 ns.",
        "rows": (),
        "curves": tuple(a_curve(f"variant_{k}", 100 * 1.4**k) for k in range(4)),
        "limits": (),
        "heatmaps": (),
        "order": None,
        "noise": (),
        "failures": (),
        "skipped": (),
    }
    return model.ScenarioView(**(given | changes))


def a_curve(name, scale_ns=100.0, role="variant", last=100_000):
    nines = np.geomspace(1, last, 60)
    return model.Curve(name, role, tuple(nines), tuple(scale_ns * (1 + 0.2 * np.log(nines) ** 2)))


def a_limit(p="99", limit_ns=5_000.0, name="Order book update"):
    return model.LimitLine(name, p, limit_ns, "critical")


def a_heatmap(variant="plain", rounds=3, columns=12):
    rng = np.random.default_rng(7)
    edges = np.geomspace(50, 500_000, 31)
    made = []
    for number in range(rounds):
        for k in range(columns):
            stall = 20 if k == 7 else 1
            values = 200 * stall * rng.lognormal(0, 0.5, 2_000)
            counts = np.histogram(values, edges)[0]
            start_s = 3.0 * number + 0.05 * k
            p50, p99 = np.percentile(values, (50, 99))
            made.append(model.HeatColumn(start_s, start_s + 0.05, number, tuple(map(int, counts)), p50, p99, values.max()))
    return model.Heatmap(variant, tuple(edges), tuple(made), "A stall in each round.")


def an_effect(variant="plain", verdict="unchanged", ratio=1.0, half=0.01, metric="throughput", tolerance=0.01, **changes):
    given = {
        "scenario": "full/order-book-replay",
        "variant": variant,
        "metric": metric,
        "verdict": verdict,
        "reason": "",
        "base_text": "100 ns",
        "new_text": "101 ns",
        "ratio": ratio,
        "low": ratio and ratio * (1 - half),
        "high": ratio and ratio * (1 + half),
        "change_text": "" if ratio is None else f"{100 * (ratio - 1):+.1f} %",
        "tolerance": tolerance,
        "target": 0.03,
    }
    return model.EffectRow(**(given | changes))


def a_comparison(*rows, **changes):
    rows = rows or (
        an_effect("lockfree_ladder", "regression", 1.24, 0.05, "p99"),
        an_effect("mutex_hash", "regression", 1.06, 0.02),
        an_effect("python_dict", "improvement", 0.81, 0.03),
        an_effect("btree", "inconclusive", 1.03, 0.12, "p99.9", tolerance=0.05),
        an_effect("sorted_array"),
        an_effect("skiplist", ratio=1.004, half=0.006),
    )
    given = {
        "base": "main",
        "new": "run.json",
        "kind": "runs",
        "summary": "6 compared: 2 regressions, 1 improvement",
        "rows": rows,
        "important": 3,
        "vanished": (),
        "appeared": (),
        "wrong": (),
        "refused": (),
        "notes": (),
        "veto": None,
    }
    return model.ComparisonView(**(given | changes))


def a_waterfall(**changes):
    stages = (
        ("WebSocket receive", "high", 50, None, "not measured"),
        ("Data parsing", "high", 100, 21.0, "within"),
        ("Order book update", "critical", 5, 0.31, "within"),
        ("Signal generation", "high", 80, 9.4, "within"),
        ("Risk check", "critical", 20, 28.0, "over"),
        ("Order serialisation", "medium", 10, 2.2, "within"),
        ("Network send", "high", 50, None, "not measured"),
        ("Exchange", "external", 2_000, None, "not measured"),
    )
    made, start = [], 0.0
    for name, priority, allowed, measured, verdict in stages:
        text = "" if measured is None else f"{measured} µs"
        made.append(model.Stage(name, name, priority, verdict, start, allowed, measured, None, text))
        start += allowed
    given = {
        "total_name": "Total latency",
        "total_us": 3_000.0,
        "total_measured_us": None,
        "stages": tuple(made),
        "unallotted_us": 3_000.0 - start,
        "finding": "5 of 8 stages were measured: one is over.",
    }
    return model.Waterfall(**(given | changes))


def a_sweep(title="full/mutex-contended", **changes):
    x = (1.0, 2.0, 4.0, 8.0)
    lines = []
    for k, name in enumerate(("mutex", "spin", "queue")):
        y = tuple(1e6 * (3 - k) * one ** (0.2 + 0.5 * k) for one in x)
        lines.append(model.SweepLine(name, x, y, tuple(0.9 * one for one in y), tuple(1.1 * one for one in y)))
    given = {
        "title": title,
        "anchor": "s",
        "x_name": "writers",
        "y_name": "throughput",
        "y_unit": "operations/s",
        "logarithmic": True,
        "lines": tuple(lines),
        "crossings": ((2.25, "mutex", "spin"), (4.1, "spin", "queue")),
        "finding": "mutex is the fastest up to 2 writers.",
    }
    return model.Sweep(**(given | changes))


def a_series(variant="plain", metric="p50", unit="ns", runs=24, **changes):
    rng = np.random.default_rng(len(variant))
    values = 2_000 * np.exp(0.01 * rng.normal(size=runs)) * np.where(np.arange(runs) < 15, 1, 1.2)
    points = tuple(
        model.HistoryPoint(f"2026-01-{k + 1:02}T00:00:00Z", f"{k:07x}abc", float(one), f"{one:.0f} ns")
        for k, one in enumerate(values)
    )
    given = {
        "scenario": "full/order-book-replay",
        "variant": variant,
        "metric": metric,
        "unit": unit,
        "points": points,
        "changes": ((15, "2,000 → 2,400 ns, +20 %"),),
        "left_out": 0,
        "finding": f"{variant}: +20 % since run 16.",
    }
    return model.HistorySeries(**(given | changes))


@cache
def everything():
    """A report of which every kind of figure can be drawn."""
    scenario = a_scenario(limits=(a_limit(),), heatmaps=(a_heatmap(), a_heatmap("other")))
    series = (a_series(), a_series("other one", changes=()))
    return a_report(
        scenarios=(scenario,), comparison=a_comparison(), waterfall=a_waterfall(), sweeps=(a_sweep(),), history=series
    )
