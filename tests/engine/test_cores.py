"""The same feed gives the same orders, positions and profit in every engine and in the oracle, which shares no code."""

import pytest

from tickbench.engine import protocol
from tickbench.engine.core import Setting, digest
from tickbench.engine.factory import check_stages, make_core
from tickbench.engine.pages import EnginePage
from tickbench.engine.profiles import choose_profile, find_stages
from tickbench.engine.replay import Replay, accounts_of
from tickbench.engine.strategy import Strategy
from tickbench.engine.warmup import warm_up
from tickbench.errors import UsageError
from tickbench.probe import python as probe

FEED, SYMBOLS, FRAMES = "synthetic:events=300", 2, 350  # a lap and a bit: with the snapshot that begins the next
STRATEGY = Strategy(position_limit_lots=60)


@pytest.fixture(scope="module")
def page():
    made = EnginePage("test-engine-cores")
    yield made
    made.page.close()


@pytest.fixture(scope="module")
def replay_of():
    return lambda delay_frames=3: _with_delay(Replay.of((FEED,), SYMBOLS), delay_frames)


def _with_delay(replay, delay_frames):
    replay.delay_frames = delay_frames
    return replay


@pytest.fixture(scope="module")
def expected():
    return Replay.of((FEED,), SYMBOLS).expect(STRATEGY, FRAMES)


def core_of(page, terms, name, *changes, **options):
    profile = choose_profile(name, changes, **options)
    return make_core(profile, find_stages(profile), Setting(terms, 7), STRATEGY, page)


@pytest.mark.parametrize(
    ("name", "changes", "options"),
    [
        ("after", (), {}),
        ("after", ("codec=packed", "indicators=simd", "positions=mutex_map", "risk=scattered"), {}),
        ("before", (), {}),
        ("before", ("codec=orjson", "order_book=lockfree_ladder", "indicators=incremental"), {}),
        ("after", ("order_book=sorted_dict",), {"transport": "picows"}),
    ],
)
def test_orders_positions_and_profit_are_those_of_the_oracle(page, replay_of, expected, name, changes, options):
    replay = replay_of()
    core = core_of(page, replay.terms, name, *changes, **options)
    desk = replay.run(core, FRAMES, page.slots["send"])
    wanted = accounts_of(expected)
    assert core.accounts() == wanted
    assert desk.counts.orders == sum(one.orders for one in wanted) > 50
    assert (core.in_flight(), core.waiting()) == ([], 0)
    counts = core.counts()
    assert counts.refused == {"position": sum(one.refused for one in expected)}
    assert (counts.gaps, counts.malformed, counts.book_refused, counts.stray_reports) == (0, 0, 0, 0)


def test_no_score_comes_so_close_to_a_threshold_that_rounding_could_decide(expected):
    assert min(one.margin for one in expected) > 1e-9
    assert all(one.refused and one.fills for one in expected)


@pytest.mark.parametrize("name", ["after", "before"])
def test_slow_outcomes_make_intents_wait_and_change_nothing(page, replay_of, expected, name):
    replay = replay_of(9)
    core = core_of(page, replay.terms, name)
    replay.run(core, FRAMES, page.slots["send"])
    assert core.counts().waited > 0
    assert core.counts().waiting_dropped == 0
    assert digest(core.accounts()) == digest(accounts_of(expected))


@pytest.mark.parametrize("name", ["after", "before"])
def test_frames_that_come_twice_or_late_are_dropped(page, replay_of, expected, name):
    replay = replay_of()
    core, slot = core_of(page, replay.terms, name), page.slots["send"]
    market = replay.markets[0]
    core.on_feed(market.snapshot(market.start - 1, core.wire), probe.now(slot))
    frames = [market.payload(market.start + k, core.wire) for k in range(3)]
    for payload in (frames[0], frames[1], frames[0], frames[1], frames[2]):
        core.on_feed(payload, probe.now(slot))
    counts = core.counts()
    assert (counts.late_frames, counts.gaps, counts.depth_frames) == (2, 0, 4)


@pytest.mark.parametrize("name", ["after", "before"])
def test_a_gap_ends_trading_until_the_next_snapshot(page, replay_of, name):
    replay = replay_of()
    core, slot, market = core_of(page, replay.terms, name), page.slots["send"], replay.markets[0]
    core.on_feed(market.snapshot(market.start - 1, core.wire), probe.now(slot))
    core.on_feed(market.payload(market.start + 1, core.wire), probe.now(slot))
    assert core.needs_snapshot
    assert market.symbol not in core.last_ids()
    core.on_feed(market.payload(market.start + 2, core.wire), probe.now(slot))
    assert core.counts().untrusted_frames == 1
    core.on_feed(market.snapshot(market.start + 2, core.wire), probe.now(slot))
    assert not core.needs_snapshot
    assert core.counts().ticks == 2


@pytest.mark.parametrize("name", ["after", "before"])
def test_garbage_is_counted_and_harms_nothing(page, replay_of, name):
    core, slot = core_of(page, replay_of().terms, name), page.slots["send"]
    payloads = [b"", b"x", b"{}", b"[]", b'{"stream":"nobody@depth","data":{}}', bytes(96), bytes(5_000)]
    good = replay_of().markets[0].snapshot(replay_of().markets[0].start - 1, core.wire)
    payloads += [good[: len(good) // 2], good + good[:16], good * 400]
    for payload in payloads:
        assert core.on_feed(payload, probe.now(slot)) is None
        assert core.on_report(payload) is None
    assert core.counts().malformed >= len(payloads)
    core.on_feed(good, probe.now(slot))
    assert core.counts().depth_frames == 1


@pytest.mark.parametrize("name", ["after", "before"])
def test_an_order_in_flight_is_sent_again_unchanged_and_its_outcome_counts_once(page, replay_of, name):
    replay = replay_of()
    core, slot, market = core_of(page, replay.terms, name), page.slots["send"], replay.markets[0]
    payloads = [market.snapshot(market.start - 1, core.wire)]
    payloads += [market.payload(market.start + k, core.wire) for k in range(200)]
    order = next(found for one in payloads if (found := core.on_feed(one, probe.now(slot))) is not None)
    assert core.in_flight() == [order] == core.in_flight()
    sent = protocol.decode_order(order, core.wire)
    price = market.terms.ticks_of(sent.order.price)
    numbers = sent.order.side, sent.sequence, price, sent.order.quantity, sent.cause
    fill = protocol.encode_report(protocol.Report(sent.order.id, market.symbol, protocol.FILL, 0, *numbers), core.wire)
    core.on_report(fill)
    core.on_report(fill)
    counts = core.counts()
    assert (counts.fills, counts.stray_reports) == (1, 1)
    assert abs(core.accounts()[0].position_lots) == sent.order.quantity


@pytest.mark.parametrize("name", ["after", "before"])
def test_the_kill_switch_refuses_what_comes_after_it(page, replay_of, name):
    replay = replay_of()
    core = core_of(page, replay.terms, name)
    core.kill(True)
    replay.run(core, 100, page.slots["send"])
    assert core.counts().orders == 0
    assert core.counts().refused["killed"] == core.counts().intents > 0


@pytest.mark.parametrize("name", ["after", "before"])
def test_warming_up_buys_and_sells(page, replay_of, name):
    terms = replay_of().terms
    core = core_of(page, terms, name)
    assert warm_up(core, terms[0], page.slots["send"], 150) > 10
    assert core.counts().malformed == core.counts().stray_reports == 0


@pytest.mark.parametrize(
    ("name", "changes", "options", "text"),
    [
        ("after", ("codec=json",), {}, "does not write orders as the binary wire"),
        ("after", (), {"wire": "json"}, "does not write orders as the json wire"),
        ("after", ("codec=bincode",), {}, "does not write orders"),
        ("after", ("order_book=locked_dict",), {}, "order_book=locked_dict"),
    ],
)
def test_stages_that_do_not_fit_are_refused_with_a_reason(name, changes, options, text):
    profile = choose_profile(name, changes, **options)
    with pytest.raises(UsageError, match=text):
        check_stages(profile, find_stages(profile))


@pytest.mark.parametrize(
    ("change", "text"), [("book=x", "stage named 'book'"), ("codec", "STAGE=VARIANT"), ("codec=", "STAGE=VARIANT")]
)
def test_a_wrong_change_is_refused(change, text):
    with pytest.raises(UsageError, match=text):
        choose_profile("after", (change,))
