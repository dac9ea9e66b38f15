"""Decimal texts to steps: exact for every text that an exchange may send."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickbench.feeds.decimals import DecimalTextError, count_steps

PLAIN_TEXTS = st.from_regex(r"\A[0-9]{1,9}(\.[0-9]{1,8})?\Z")


@given(texts=st.sets(PLAIN_TEXTS, min_size=1, max_size=20))
def test_steps_times_size_is_the_text_and_no_larger_size_would_do(texts):
    steps = count_steps(texts, None)
    with localcontext(prec=60):
        assert all(steps.count_of[text] * steps.size == Decimal(text) for text in texts)
        counts = set(steps.count_of.values()) - {0}
        assert not any(all(count % prime == 0 for count in counts) for prime in (2, 3, 5, 7)) or not counts


@pytest.mark.parametrize(
    ("texts", "size"),
    [
        ({"58710.20", "61800.30"}, "0.1"),
        ({"61837.63000000", "61837.64000000"}, "0.01"),
        ({"10", "30", "40"}, "10"),
        ({"0.00", "0"}, "0.01"),
        ({"0.25", "1.75"}, "0.25"),
    ],
)
def test_the_inferred_size(texts, size):
    assert str(count_steps(texts, None).size) == size


def test_a_given_size_counts_and_refuses_what_lies_between():
    assert count_steps({"1.50", "0"}, Decimal("0.5")).count_of == {"1.50": 3, "0": 0}
    assert count_steps({"1.5"}, Decimal("0.001")).count_of == {"1.5": 1_500}
    with pytest.raises(DecimalTextError, match=r"no multiple of 0\.5"):
        count_steps({"1.25"}, Decimal("0.5"))


def test_the_largest_count_is_that_of_64_bits():
    assert count_steps({"9223372036854775807", "1"}, None).count_of["9223372036854775807"] == 2**63 - 1
    with pytest.raises(DecimalTextError, match="64 bits"):
        count_steps({"9223372036854775808", "1"}, None)
