"""How a run tells what it is doing: the command line shows it, tests and other callers may ignore it."""

from typing import Protocol


class Observer(Protocol):
    """Told of each stage and of each thing done in it."""

    def stage(self, title: str, total: int) -> None:
        """A stage of `total` things begins."""
        ...

    def done(self, text: str) -> None:
        """One thing of the stage is done."""
        ...

    def note(self, text: str) -> None:
        """Something that the user should know now."""
        ...


class Silent:
    """An observer that does nothing."""

    def stage(self, title: str, total: int) -> None:
        """As Observer.stage."""

    def done(self, text: str) -> None:
        """As Observer.done."""

    def note(self, text: str) -> None:
        """As Observer.note."""
