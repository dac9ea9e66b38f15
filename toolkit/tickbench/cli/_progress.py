"""Progress on stderr: bars on a terminal, one plain line for each thing done elsewhere."""

import contextlib
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.progress import Progress

# Bars are redrawn when something was done, and so rarely in between that drawing disturbs no measurement.
_REDRAWS_PER_S = 1


class ProgressLines:
    """An observer that shows what a run does; use it as a context manager."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._task: Any = None
        self._done = self._total = 0

    def stage(self, title: str, total: int) -> None:
        """As Observer.stage."""
        self._done, self._total = 0, total
        if self._bars is not None:
            self._task = self._bars.add_task(title, total=total, text="")
        else:
            _line(f"{title} ({total})")

    def done(self, text: str) -> None:
        """As Observer.done."""
        self._done += 1
        if self._bars is not None:
            self._bars.update(self._task, advance=1, text=text if self._done < self._total else "")
        else:
            _line(f"[{self._done}/{self._total}] {text}")

    def note(self, text: str) -> None:
        """As Observer.note."""
        if self._bars is not None:
            self._bars.console.print(text)
        else:
            _line(text)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            from tickbench.cli._output import make_console

            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[text]}", markup=False),
                console=make_console(stderr=True),
                refresh_per_second=_REDRAWS_PER_S,
            )
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()


def _line(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)
