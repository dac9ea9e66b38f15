"""The kinds of figures, and drawing one into a file."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from tickbench.errors import InputError
from tickbench.render.figures.choice import Choice
from tickbench.render.figures.forest import forest
from tickbench.render.figures.heatmap import heatmap
from tickbench.render.figures.history import history
from tickbench.render.figures.percentiles import percentiles
from tickbench.render.figures.scaling import scaling
from tickbench.render.figures.style import check_suffix, save, styled
from tickbench.render.figures.waterfall import waterfall
from tickbench.render.view.model import Report

FIGURES: dict[str, Callable[[Report, Choice], Figure]] = {
    "percentiles": percentiles,
    "heatmap": heatmap,
    "forest": forest,
    "waterfall": waterfall,
    "scaling": scaling,
    "history": history,
}


def draw(report: Report, kind: str, choice: Choice, path: Path, *, dpi: float = 200.0, style: Path | None = None) -> None:
    """Draw the figure `kind` of a report into an SVG, PNG or PDF file; raises UsageError and InputError in one line."""
    check_suffix(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")
    with styled(style):
        save(FIGURES[kind](report, choice), path, dpi)
