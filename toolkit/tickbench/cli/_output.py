"""What verbs print with: stdout for results, stderr for everything else; a reader who has left is no error."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

# A pipe has no width: wide enough for every table of ours, so that lines are never broken.
PIPE_COLUMNS = 240


def complain(text: str) -> None:
    """One error message on stderr."""
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text)  # a file's names must not drive the terminal
    print(f"tickbench: {shown}", file=sys.stderr)


def emit(text: str) -> None:
    """One text on stdout."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        leave_quietly()


def write_document(text: str, output: str) -> None:
    """One text to a file, which a full disk leaves as it was; raises InputError with the reason."""
    from tickbench.errors import InputError
    from tickbench.results.run_file import write_and_rename

    path, content = Path(output), text.encode("utf-8", errors="replace")
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):  # /dev/stdout, a pipe
            path.write_bytes(content)
        else:
            write_and_rename(content, path)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror or error}") from error


def emit_json(schema: str, **content: Any) -> None:
    """One JSON document on stdout, with its schema version."""
    import msgspec

    emit(msgspec.json.format(msgspec.json.encode({"schema": schema, **content}), indent=2).decode())


def emit_rich(renderables: "Iterable[RenderableType]") -> None:
    """Tables on stdout: coloured on a terminal, plain and unbroken in a pipe."""
    console = make_console()
    try:
        for one in renderables:
            console.print(one)
        sys.stdout.flush()
    except BrokenPipeError:
        leave_quietly()


def make_console(*, stderr: bool = False) -> "Console":
    """A console that respects NO_COLOR and COLUMNS."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else PIPE_COLUMNS
    return Console(stderr=stderr, width=width, markup=False, highlight=False, soft_wrap=False)


def leave_quietly() -> None:
    """Nobody reads stdout any more: let what is still written to it go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
