"""The order books under test: every registered variant, found the way users' runs find them."""

import pytest

from tickbench.components.order_book.contract import BookConfig, OrderBook
from tickbench.registry import Variant, discover

CONFIG = BookConfig(price_capacity_ticks=1 << 20, level_capacity=1 << 12, event_capacity=1 << 10, threads=8)

_variants, _unavailable = discover("order_book")
_params = [pytest.param(one, id=one.name) for one in _variants if not one.null]
_params += [pytest.param(None, id=gone.module.rpartition(".")[2], marks=pytest.mark.skip(gone.reason)) for gone in _unavailable]

every_book = pytest.mark.parametrize("variant", _params)


def books_with(*capabilities: str) -> pytest.MarkDecorator:
    """Parametrise over the variants that claim all of these capabilities."""
    fit = [one for one in _params if one.values[0] is None or set(capabilities) <= one.values[0].capabilities]
    return pytest.mark.parametrize("variant", fit)


def new_book(variant: Variant, config: BookConfig = CONFIG) -> OrderBook:
    book: OrderBook = variant.build(config)
    return book
