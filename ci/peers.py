"""Gives pyperf and pytest-benchmark the gates with a known truth that `tickbench selftest` gives to ours. Run by `ci/peers`.

Each gate is two fresh runs, one after the other, as their users make them: the base, then a candidate that is identical or
does round(ROUNDS x factor) rounds. The tools keep their defaults and give their own verdicts; the other thresholds of
pytest-benchmark are computed from the same files by its own rule (candidate / base - 1 above the threshold).
"""

# ruff: noqa: T201 (a script prints)
import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from scipy.stats import beta

import tickbench
from tickbench.kernels.cache import cache_root
from tickbench.measure.pairing import selftest

ROUNDS = 1000  # of a call: about a millisecond, and 3 % are 30 rounds
KINDS = ("compute", "allocation")
FACTORS = (1.03, 1.05, 1.10)
GATES_A_BLOCK = 6
SETTLE_S = 1.0  # the neighbours are running before the base is measured
CONFIDENCE = 0.95
PYTEST_BENCHMARK = "pytest-benchmark==5.3.1"

PYPERF_SCRIPT = """
import os, pyperf
from tickbench.measure.pairing.canary import loop
runner = pyperf.Runner()
runner.bench_func("loop", loop(os.environ["PEER_KIND"]), int(os.environ["PEER_ROUNDS"]))
"""
PYTEST_SCRIPT = """
import os
from tickbench.measure.pairing.canary import loop
def test_loop(benchmark):
    benchmark(loop(os.environ["PEER_KIND"]), int(os.environ["PEER_ROUNDS"]))
"""

Found = dict[str, bool]
Tool = Callable[[Path, str, float], tuple[Found, float]]


def _run(command: Sequence[str | Path], folder: Path, kind: str = "", factor: float = 1.0) -> subprocess.CompletedProcess[str]:
    settings = {
        "PYTHONPATH": str(Path(tickbench.__file__).parent.parent),
        "PEER_KIND": kind,
        "PEER_ROUNDS": str(round(ROUNDS * factor)),
    }
    return subprocess.run(command, cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True, check=False)


def _need(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        sys.exit(f"{' '.join(map(str, done.args))}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def pyperf_tool(*options: str) -> Tool:
    """Two runs of pyperf with these options, then its `compare_to`: slower and significant, and slower by 1 % at least."""

    def gate(folder: Path, kind: str, factor: float) -> tuple[Found, float]:
        (folder / "bench.py").write_text(PYPERF_SCRIPT)
        inherited = "--inherit-environ=PYTHONPATH,PEER_KIND,PEER_ROUNDS"
        for name, work in (("base.json", 1.0), ("candidate.json", factor)):
            _need(_run([sys.executable, "bench.py", "--quiet", inherited, *options, "-o", name], folder, kind, work))
        compare = [sys.executable, "-m", "pyperf", "compare_to", "base.json", "candidate.json"]
        flags = {
            "significant": "x slower" in _need(_run(compare, folder)),
            "significant, > 1 %": "x slower" in _need(_run([*compare, "--min-speed=1"], folder)),
        }
        means = [_pyperf_mean(folder / name) for name in ("base.json", "candidate.json")]
        return flags, means[1] / means[0]

    return gate


def _pyperf_mean(path: Path) -> float:
    import pyperf

    return float(pyperf.Benchmark.load(str(path)).mean())


def pytest_tool(python: Path) -> Tool:
    """Two runs of pytest-benchmark, the second with --benchmark-compare-fail=mean:3%."""

    def gate(folder: Path, kind: str, factor: float) -> tuple[Found, float]:
        (folder / "test_peer.py").write_text(PYTEST_SCRIPT)
        pytest: list[str | Path] = [
            python,
            "-m",
            "pytest",
            "-q",
            "--rootdir=.",
            "test_peer.py",
            "--benchmark-storage=file://./kept",
        ]
        _need(_run([*pytest, "--benchmark-save=base"], folder, kind))
        judged = _run(
            [*pytest, "--benchmark-save=candidate", "--benchmark-compare=0001", "--benchmark-compare-fail=mean:3%"],
            folder,
            kind,
            factor,
        )
        failed = "Performance has regressed" in judged.stdout + judged.stderr
        if not failed:
            _need(judged)
        base, candidate = (_pytest_stats(folder, name) for name in ("0001_base", "0002_candidate"))
        flags = {"mean:3%": failed}
        for field, percent in (("mean", 1), ("median", 3), ("min", 5)):
            flags[f"{field}:{percent}%"] = candidate[field] / base[field] * 100 - 100 > percent
        return flags, candidate["mean"] / base["mean"]

    return gate


def _pytest_stats(folder: Path, name: str) -> dict[str, float]:
    (path,) = folder.glob(f"kept/*/{name}.json")
    stats: dict[str, float] = json.loads(path.read_text())["benchmarks"][0]["stats"]
    return stats


def pytest_python() -> Path:
    """The interpreter of an environment of its own that has pytest-benchmark, made on the first call."""
    folder = cache_root() / "peers" / PYTEST_BENCHMARK
    stamp = folder / "installed"
    if not stamp.exists():
        venv.create(folder, with_pip=True, clear=True)
        _need(_run([folder / "bin/python", "-m", "pip", "install", "--quiet", PYTEST_BENCHMARK], folder))
        stamp.touch()
    return folder / "bin/python"


def _cases() -> Iterator[tuple[str, float]]:
    """Kind and factor of gate after gate: every other one identical, each loop with each factor in turn."""
    for factor, kind in itertools.cycle(itertools.product(FACTORS, KINDS)):
        yield kind, 1.0
        yield kind, factor


def campaign(cells: Sequence[str], seconds: float, done: Callable[[dict[str, object]], None]) -> None:
    """Gates until the time is up; the tool that has used the least of its share is next, so slow ones do not eat it all."""
    shares = {"pyperf --fast": 0.5, "pytest-benchmark": 0.3, "pyperf": 0.2}
    tools = {
        "pyperf --fast": pyperf_tool("--fast"),
        "pytest-benchmark": pytest_tool(pytest_python()),
        "pyperf": pyperf_tool(),
    }
    used_s, cases = dict.fromkeys(tools, 0.0), {name: _cases() for name in tools}
    end_s = time.monotonic() + seconds
    for cell in itertools.cycle(cells):
        with selftest.neighbours(selftest.CELLS[cell]):
            time.sleep(SETTLE_S)
            for _ in range(GATES_A_BLOCK):
                if time.monotonic() > end_s:
                    return
                name = min(tools, key=lambda one: used_s[one] / shares[one])
                kind, factor = next(cases[name])
                start_s = time.monotonic()
                with tempfile.TemporaryDirectory(prefix="tickbench-peers-") as folder:
                    flags, ratio = tools[name](Path(folder), kind, factor)
                elapsed_s = time.monotonic() - start_s
                used_s[name] += elapsed_s
                done(
                    {
                        "tool": name,
                        "cell": cell,
                        "subject": kind,
                        "slowdown": factor,
                        "flags": flags,
                        "ratio": ratio,
                        "elapsed_s": elapsed_s,
                    }
                )


def bounds(hits: int, gates: int) -> tuple[float, float]:
    """Two-sided 95 % bounds of a share (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934)."""
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, hits, gates - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(1 - tail, hits + 1, gates - hits)) if hits < gates else 1.0


def show(gates: Sequence[dict[str, Any]]) -> None:
    """A line for each tool, verdict and factor; those of factor 1.0 are the false alarms."""
    print(f"{'tool and verdict':40} {'factor':>6} {'gates':>5} {'flagged':>7} {'share':>6}  {'95 % bounds':13} {'s a gate':>8}")
    for tool in sorted({one["tool"] for one in gates}):
        these = [one for one in gates if one["tool"] == tool]
        for rule, factor in itertools.product(these[0]["flags"], (1.0, *FACTORS)):
            group = [one for one in these if one["slowdown"] == factor]
            if group:
                hits = sum(one["flags"][rule] for one in group)
                low, high = bounds(hits, len(group))
                print(
                    f"{f'{tool}: {rule}':40} {factor:6.2f} {len(group):5} {hits:7} {hits / len(group):6.0%}  "
                    f"{f'{low:.0%} to {high:.0%}':13} {median(one['elapsed_s'] for one in group):8.1f}"
                )


def main() -> None:
    """Measure for some time, then print the table of all gates that are in the log."""
    parser = argparse.ArgumentParser(prog="ci/peers", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1500.0, metavar="S", help="as long as this; 0: only the log's table")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="append each gate as a JSON line, and count those in it already"
    )
    parser.add_argument("--cell", action="append", choices=selftest.CELLS, help="beside these neighbours (repeatable; idle)")
    options = parser.parse_args()
    gates: list[dict[str, Any]] = []
    if options.log and options.log.exists():
        try:
            gates += map(json.loads, options.log.read_text().splitlines())
        except ValueError as error:
            sys.exit(f"--log {options.log}: this is not a log of gates: {error}")

    def done(gate: dict[str, object]) -> None:
        gates.append(gate)
        if options.log:
            with options.log.open("a") as file:
                file.write(json.dumps(gate) + "\n")
        print(f"{gate['tool']}: {gate['subject']} x {gate['slowdown']}: {gate['ratio']:.4f} {gate['flags']}", file=sys.stderr)

    try:
        if options.seconds > 0:
            campaign(options.cell or ["idle"], options.seconds, done)
    except KeyboardInterrupt:
        print(f"interrupted after {len(gates)} gates", file=sys.stderr)
    show(gates)


if __name__ == "__main__":
    main()
