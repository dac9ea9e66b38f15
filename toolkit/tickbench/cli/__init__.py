"""The command line: one file a verb; a verb parses, calls one function, prints."""

from tickbench.cli._main import main

__all__ = ["main"]
