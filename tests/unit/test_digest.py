"""The digest of right answers: what it tells apart, and what it cannot take."""

import numpy as np
import pytest

from tickbench.components.shared.digest import digest_of


def test_equal_answers_have_equal_digests() -> None:
    assert digest_of([np.arange(3), 1.5, "text"]) == digest_of([np.arange(3).copy(), 1.5, "text"])
    assert digest_of([np.arange(6)[::2]]) == digest_of([np.array([0, 2, 4])])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param([np.arange(4)], [np.arange(4).reshape(2, 2)], id="shape"),
        pytest.param([np.arange(4)], [np.arange(4.0)], id="type"),
        pytest.param([np.zeros(2, dtype=np.int32)], [np.zeros(1, dtype=np.int64)], id="same bytes"),
        pytest.param(["ab", "c"], ["a", "bc"], id="borders"),
        pytest.param(["a"], [b"a"], id="text and bytes"),
        pytest.param([0.0], [-0.0], id="sign of zero"),
    ],
)
def test_what_differs_has_another_digest(first: list[object], second: list[object]) -> None:
    assert digest_of(first) != digest_of(second)


@pytest.mark.parametrize("one", [[1 << 70], object(), None, [None]])
def test_what_has_no_content_is_refused(one: object) -> None:
    with pytest.raises(TypeError, match="a digest takes"):
        digest_of([one])
