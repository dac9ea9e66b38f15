"""The folder in which a project keeps what outlives a run: baselines and the history database."""

from pathlib import Path

FOLDER = ".tickbench"
_MARKS = (FOLDER, ".git", "pyproject.toml")


def project_folder() -> Path:
    """`.tickbench` below the nearest parent that holds it, a .git or a pyproject.toml, else below here; it may not exist."""
    here = Path.cwd()
    root = next((one for one in (here, *here.parents) if any((one / mark).exists() for mark in _MARKS)), here)
    return root / FOLDER
