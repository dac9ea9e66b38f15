"""Runs in the formats of other tools: one module a format, each with `write(run, choice)`.

The names are known here without importing a writer, so that `--help` needs neither numpy nor numba.
"""

import importlib
from dataclasses import dataclass

from tickbench.errors import UsageError
from tickbench.results.exports.choice import Choice, Export, chosen
from tickbench.results.run_file import Run

__all__ = ["FORMATS", "Choice", "Export", "export"]


@dataclass(frozen=True)
class Format:
    """One format: what it is read by, its module, and which choices it has a use for."""

    read_by: str
    module: str
    takes: tuple[str, ...] = ()


FORMATS = {
    "hlog": Format("HistogramLogProcessor and HistogramLogAnalyzer", "hlog", ("histogram",)),
    "hgrm": Format("the HdrHistogram plotter", "hgrm", ("histogram", "unit")),
    "openmetrics": Format("Prometheus", "openmetrics", ("histogram",)),
    "otlp-json": Format("OpenTelemetry collectors", "otlp", ("histogram",)),
    "pyperf": Format("pyperf", "pyperf_json"),
    "speedscope": Format("speedscope", "speedscope"),
}


def export(form: str, run: Run, choice: Choice) -> Export:
    """The chosen part of a run in a format; UsageError for a choice it has no use for, InputError where nothing is left."""
    for name in ("histogram", "unit"):
        if getattr(choice, name) is not None and name not in FORMATS[form].takes:
            able = ", ".join(one for one, of in FORMATS.items() if name in of.takes)
            raise UsageError(f"--{name} says nothing to --format {form}: it is for {able}")
    writer = importlib.import_module(f"{__name__}.{FORMATS[form].module}")
    found = writer.write(chosen(run, choice), choice)
    assert isinstance(found, Export)
    return found
