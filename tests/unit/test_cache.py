"""The folder of a kernel's cache: it changes with the code that the kernel may call, and with nothing else."""

import pytest

from tickbench.kernels import cache


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name in (
        "kernels/atomics",
        "probe/record",
        "components/component",
        "components/shared/timing",
        "components/codec",
        "components/risk/oracle",
    ):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("before")
    monkeypatch.setattr(cache, "_PACKAGE", tmp_path)
    return tmp_path


MODULES = {
    "kernels": "tickbench.kernels.atomics",
    "probe": "tickbench.probe.python",
    "codec": "tickbench.components.codec",
    "codec variant": "tickbench.reference_impls.codec.json",
    "risk": "tickbench.components.risk.workloads",
    "own": "my_book",
}


@pytest.mark.parametrize(
    ("changed", "recompiled"),
    [
        ("kernels/atomics", {"kernels", "probe", "codec", "codec variant", "risk", "own"}),
        ("probe/record", {"probe", "codec", "codec variant", "risk", "own"}),
        ("components/component", {"codec", "codec variant", "risk", "own"}),
        ("components/shared/timing", {"codec", "codec variant", "risk", "own"}),
        ("components/codec", {"codec", "codec variant", "own"}),
        ("components/risk/oracle", {"risk", "own"}),
    ],
)
def test_a_change_empties_the_folders_of_those_who_may_call_it(package, changed, recompiled):
    def folders():
        cache._code_hash.cache_clear()
        return {name: cache.kernel_folder(module) for name, module in MODULES.items()}

    before = folders()
    (package / f"{changed}.py").write_text("after")
    after = folders()
    assert {name for name in MODULES if before[name] != after[name]} == recompiled
    cache._code_hash.cache_clear()


def test_a_folder_that_the_user_chose_is_kept_apart_by_the_code_too(package, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert cache.kernel_folder().parent == tmp_path / "mine"
    cache._code_hash.cache_clear()
