"""The entry point: finds the verb's file, runs it, turns what went wrong into one line and an exit status."""

import difflib
import importlib
import pkgutil
import signal
import sys
from types import FrameType

import click

import tickbench
from tickbench import cli, errors
from tickbench.cli._output import complain, leave_quietly


class Verbs(click.Group):
    """Commands are the files of this package; a file is imported when its verb is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs."""
        return sorted(info.name for info in pkgutil.iter_modules(cli.__path__) if not info.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb; None if there is no such verb."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"tickbench.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest verb named for a wrong one."""
        verbs = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in verbs:
            near = difflib.get_close_matches(args[0], verbs, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"commands are {', '.join(verbs)}"
            raise click.UsageError(f"there is no command {args[0]!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(tickbench.__version__, prog_name="tickbench", message="%(prog)s %(version)s")
def root() -> None:
    """Measure, verify and compare the components of a trading engine.

    Exit status: 0 passed; 1 a gate failed or an answer was wrong; 2 bad usage or input; 3 the measurement is invalid;
    130 interrupted, what was measured is saved.
    """


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = root.main(arguments, prog_name="tickbench", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        complain(_one_line(error))
        return errors.EXIT_BAD_INPUT
    except errors.TickbenchError as error:
        complain(str(error))
        return error.exit_status
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return errors.EXIT_INTERRUPTED
    except BrokenPipeError:
        leave_quietly()
        return errors.EXIT_PASSED
    return result if isinstance(result, int) else errors.EXIT_PASSED


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM is what a CI system sends to a job that it cancels: the same as Ctrl-C."""
    raise KeyboardInterrupt


def _one_line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    if isinstance(error, click.NoSuchOption) and error.possibilities and "mean" not in text:
        text += f": did you mean {' or '.join(sorted(error.possibilities))}?"
    return text
