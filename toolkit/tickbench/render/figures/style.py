"""What all figures share: the style sheet, colours and line styles, text that is safe to draw, and how a file is written.

matplotlib keeps its settings for the whole process: here they hold inside `styled` only. Nothing is registered with pyplot.
"""

import logging
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

import tickbench
from tickbench.errors import InputError, UsageError

FILE_NAME = "tickbench.mplstyle"
SUFFIXES = (".svg", ".png", ".pdf")
GREY, FAINT = "#555555", "#DDDDDD"
LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
MOST_PIXELS = 50_000_000  # 200 MB while it is drawn
_MM_PER_INCH = 25.4
_POINTS_PER_INCH = 72
_LONGEST_NAME = 60
# Whatever a style sheet says: names come from a run file, which is not trusted, so `$` starts no mathtext and no text
# reaches TeX; and the same run gives the same file.
_FORCED = {"text.usetex": False, "text.parse_math": False, "svg.hashsalt": "tickbench"}


def style_file() -> Path:
    """The style sheet that ships with the templates; raises InputError that names the option for another one."""
    for base in tickbench.__path__:
        if (path := Path(base) / "reports" / FILE_NAME).is_file():
            return path
    raise InputError(f"no {FILE_NAME} lies among the reports: reinstall tickbench, or give --style FILE")


@contextmanager
def styled(path: Path | None = None) -> Iterator[None]:
    """Within it, figures are made and saved in the style of a matplotlib style sheet; by default ours.

    Raises InputError for a file that cannot be read or that holds a line which matplotlib does not take.
    """
    settings: dict[Any, Any] = {**_read(path or style_file()), **_FORCED}
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")  # a name in a script that the font lacks is drawn as boxes
        yield


def _read(path: Path) -> dict[str, Any]:
    faults = _Faults()
    logger = logging.getLogger("matplotlib")
    logger.addHandler(faults)  # matplotlib logs a wrong line, and goes on without it
    propagates, logger.propagate = logger.propagate, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = mpl.rc_params_from_file(path, use_default_template=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the style sheet {path}: {getattr(error, 'strerror', None) or error}") from error
    except Exception as error:  # whatever a value's validator raises
        raise InputError(f"{path}: not a matplotlib style sheet: {plain(error, 160)}") from error
    finally:
        logger.removeHandler(faults)
        logger.propagate = propagates
    if faults.found:
        raise InputError(f"{path}: not a matplotlib style sheet: {plain(faults.found[0], 160)}")
    return {key: value for key, value in read.items() if key != "backend"}


class _Faults(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


def plain(text: object, longest: int = _LONGEST_NAME) -> str:
    """A text from a file as it can be drawn on one line: cut, without line ends and without characters that show nothing."""
    short = str(text)[: 4 * longest]  # a name of 1 MB is cut before anything walks through it
    shown = "".join(one if one.isprintable() else " " if one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in short)
    line = " ".join(shown.split())
    return line if len(line) <= longest and len(short) == len(str(text)) else line[: longest - 1] + "…"


def colour(index: int) -> str:
    """The colour of the line with this number."""
    colours = mpl.rcParams["axes.prop_cycle"].by_key().get("color", ["#0072B2"])
    return str(colours[index % len(colours)])


def line(index: int) -> dict[str, Any]:
    """Colour and line style of the line with this number: 32 of them differ, neighbours in both."""
    return {"color": colour(index), "linestyle": LINE_STYLES[(index + index // 8) % len(LINE_STYLES)]}


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """An empty figure of this size."""
    return Figure(figsize=(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH))


def headline(figure: Figure, title: object, subtitle: object = "") -> None:
    """Put a bold title above the figure, and below it in plain letters what it says; the figure grows by their height."""
    wide, size = figure.get_figwidth() * _POINTS_PER_INCH, float(mpl.rcParams["font.size"])
    title_size = float(mpl.rcParams["figure.titlesize"])
    heads = textwrap.wrap(plain(title, 160), int(wide / (0.68 * title_size)))[:2]
    below = textwrap.wrap(plain(subtitle, 320), int(wide / (0.55 * size)))[:3]
    title_points = 4 + 1.3 * title_size * len(heads)
    points = title_points + (1.35 * size * len(below) + 3 if below else 0)
    figure.set_figheight(figure.get_figheight() + points / _POINTS_PER_INCH)
    high = figure.get_figheight() * _POINTS_PER_INCH
    left = 4 / wide
    figure.text(left, 1 - 3 / high, "\n".join(heads), size=title_size, weight="bold", va="top")
    if below:
        figure.text(left, 1 - title_points / high, "\n".join(below), size=size, color=GREY, va="top", linespacing=1.2)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, 0, 1, 1 - points / high))


def check_suffix(path: Path) -> str:
    """The suffix of a figure's file; raises UsageError for one that is not written."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"-o {path}: a figure is written as {', '.join(SUFFIXES)}: give one of these suffixes")
    return suffix


def save(figure: Figure, path: Path, dpi: float) -> None:
    """Write it as SVG, PNG or PDF by the suffix, without a date; raises UsageError or InputError with the reason."""
    suffix = check_suffix(path)
    if suffix == ".png" and figure.get_figwidth() * figure.get_figheight() * dpi**2 > MOST_PIXELS:
        raise UsageError(f"more than {MOST_PIXELS:,} pixels: take a smaller --dpi or --width-mm, or write .svg")
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
    held = BytesIO()
    figure.savefig(held, format=suffix[1:], dpi=dpi, metadata=metadata)
    try:
        path.write_bytes(held.getvalue())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
