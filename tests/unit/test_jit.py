"""Drivers: what they are handed reaches compiled code unchanged, or is refused."""

import numpy as np
import pytest

from tickbench.kernels.jit import Driver, kernel

PLUS = "int64(int64, int64)"


@kernel(PLUS)
def _plus(a, b):
    return a + b


@kernel("float64(int64, int64)")
def _ratio(a, b):
    return a / b


@kernel(f"float64(pointer[{PLUS}], int64, float64, int64[::1])")
def _drive(operation, number, factor, array):
    """Doubles, adds, scales."""
    return operation(number, number) * factor + array[0]


@kernel(f"float64(pointer[{PLUS}], int64[::1])")
def _drive_twice(operation, array):
    return _drive(operation, 1, 1.0, array) + _drive(operation, 2, 1.0, array)


ARRAY = np.array([5])


def test_a_driver_gives_the_answer_of_its_dispatcher() -> None:
    assert isinstance(_drive, Driver)
    assert not isinstance(_plus, Driver)
    for arguments in ((3, 2, ARRAY), (np.int64(3), np.float32(0.5), ARRAY), (True, 1.0, ARRAY)):
        assert _drive(_plus, *arguments) == _drive._dispatcher(_plus, *arguments)


def test_kernels_call_drivers() -> None:
    assert _drive_twice(_plus, ARRAY) == 2 + 5 + 4 + 5


def test_a_driver_tells_what_its_dispatcher_tells() -> None:
    assert _drive.__doc__ == "Doubles, adds, scales."
    assert (_drive.__name__, _drive.py_func.__name__, len(_drive.nopython_signatures)) == ("_drive", "_drive", 1)


READ_ONLY = ARRAY.copy()
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((_ratio, 1, 1.0, ARRAY), id="kernel of another signature"),
        pytest.param((max, 1, 1.0, ARRAY), id="no kernel"),
        pytest.param((_plus, 1.5, 1.0, ARRAY), id="a fraction for an integer"),
        pytest.param((_plus, 1 << 70, 1.0, ARRAY), id="an integer too large"),
        pytest.param((_plus, 1, "x", ARRAY), id="text for a float"),
        pytest.param((_plus, 1, 1.0, ARRAY.astype(float)), id="array of another type"),
        pytest.param((_plus, 1, 1.0, ARRAY.astype(np.int32)), id="array of a shorter type"),
        pytest.param((_plus, 1, 1.0, np.arange(4)[::2]), id="array with gaps"),
        pytest.param((_plus, 1, 1.0, np.zeros((1, 1), dtype=np.int64)), id="array of more dimensions"),
        pytest.param((_plus, 1, 1.0, READ_ONLY), id="array that is not writable"),
        pytest.param((_plus, 1, 1.0, [5]), id="a list"),
        pytest.param((_plus, 1, 1.0), id="too few"),
        pytest.param((_plus, 1, 1.0, ARRAY, 1), id="too many"),
    ],
)
def test_what_compiled_code_would_misread_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _drive(*arguments)
