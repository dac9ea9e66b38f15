"""The shape of the code: what variants may import, that the toolkit names no variant, and how large files and functions get."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = sorted(path for path in (ROOT / "reference_impls").rglob("*.py") if path.name != "__init__.py")
TOOLKIT = sorted((ROOT / "toolkit").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 60


def _name(path):
    return str(path.relative_to(ROOT))


def _imports(path):
    """Every module that a file imports, with `from a import b` as a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", VARIANTS, ids=_name)
def test_a_variant_imports_kernels_registry_and_its_own_contract_only(path):
    component = path.parent.name
    allowed = ("tickbench.registry.", "tickbench.kernels.", "tickbench.probe.", "tickbench.errors.")
    clocks = ("tickbench.kernels.clock", "tickbench.kernels.waiting", "tickbench.kernels.gaps")
    for module in _imports(path):
        if module.startswith("tickbench"):
            assert f"{module}.".startswith((*allowed, f"tickbench.components.{component}.")), module
            assert not module.startswith(clocks), f"{module}: a variant cannot see that it is measured"


@pytest.mark.parametrize("path", TOOLKIT, ids=_name)
def test_the_toolkit_imports_no_variant(path):
    assert not [module for module in _imports(path) if ".reference_impls" in module]


def test_files_and_functions_stay_within_the_house_limits():
    offenders = []
    for path in (*TOOLKIT, *VARIANTS, *TESTS):
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > MOST_FILE_LINES:
            offenders.append(f"{_name(path)}: {lines} lines, at most {MOST_FILE_LINES}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > MOST_FUNCTION_LINES:
                    offenders.append(f"{_name(path)}: {node.name} has {length} lines, at most {MOST_FUNCTION_LINES}")
    assert not offenders, "\n".join(offenders)
