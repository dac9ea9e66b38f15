"""What the exchange replays: order, texts, laps, best prices, snapshots of any moment, times and faults."""

import itertools
import json

import numpy as np
import pytest

import feed_samples as samples
from captures import SPOT, capture_path
from tickbench.engine import protocol
from tickbench.engine.exchange.books import TapeBooks
from tickbench.engine.exchange.delays import parse_delay
from tickbench.engine.exchange.market import Market
from tickbench.engine.exchange.schedule import FaultySender, make_schedule, parse_faults, parse_times
from tickbench.engine.exchange.tape import DIFF, SNAPSHOT, TICKER, TRADE, open_tape
from tickbench.errors import InputError, UsageError


@pytest.fixture
def spot(tmp_path):
    return open_tape(str(samples.write_capture(tmp_path / "spot.jsonl", samples.spot_frames())))


def test_a_tape_is_what_a_client_that_has_caught_up_receives(spot):
    assert [frame.kind for frame in spot.frames] == [SNAPSHOT, DIFF, TICKER, DIFF, TICKER, DIFF, TICKER]
    assert [frame.update_id for frame in spot.frames] == [100, 103, 104, 106, 106, 109, 109]
    assert json.loads(spot.frames[3].text)["data"]["u"] == 106
    assert (str(spot.tick_size), str(spot.lot_size), spot.symbol) == ("0.5", "0.25", "XYZ")


def test_a_capture_without_a_snapshot_begins_with_an_empty_one(tmp_path):
    frames = [samples.diff(5, 7, bids=[("9.0", "1.00")], asks=[("9.5", "1.00")], previous=3), samples.diff(8, 9, previous=7)]
    tape = open_tape(str(samples.write_capture(tmp_path / "one.jsonl", frames)))
    assert [(frame.kind, frame.update_id) for frame in tape.frames] == [(SNAPSHOT, 3), (DIFF, 7), (DIFF, 9)]


def test_texts_are_as_captured_but_for_symbol_and_ids(spot):
    own = Market("XYZ", TapeBooks(spot), 1, {})
    assert own.payload(1, "json") == spot.frames[1].text
    other = Market("ABC", TapeBooks(spot), 1, {})
    for place in range(1, len(spot.frames)):
        text, original = json.loads(other.payload(place + 2 * other.size, "json")), json.loads(spot.frames[place].text)
        assert text["stream"] == original["stream"].replace("xyz", "abc")
        shifted = {key: original["data"][key] + 2 * other.lap_ids for key in ("U", "u", "pu") if key in original["data"]}
        assert text["data"] == {**original["data"], "s": "ABC", **shifted}


def test_both_wires_say_the_same_in_every_lap(spot):
    market = Market("ABC", TapeBooks(spot), 1, {})
    ids = []
    for number in range(3 * market.size):
        text = json.loads(market.payload(number, "json"))["data"]
        found = protocol.decode_feed(market.payload(number, "binary"))
        assert found.number == number
        if found.template == 2:
            assert found.body.final_update_id == text.get("u", text.get("lastUpdateId"))
            levels = [(float(p), float(q)) for p, q in text.get("b", text.get("bids"))]
            assert [(price * 0.5, lots * 0.25) for price, lots in found.body.bids] == levels
            assert found.body.symbol == "ABC"
            ids.append(found.body.final_update_id)
        else:
            assert found.body[0] == text["u"]
    assert ids == sorted(set(ids)), "update ids go on rising from lap to lap"


def test_the_best_prices_are_those_that_the_exchange_published():
    books = TapeBooks(open_tape(str(capture_path(SPOT)), ["ticker"]))
    assert books.quotes_checked > 500
    assert books.quotes_differing == 0


def test_a_snapshot_of_any_moment_is_the_book_of_a_plain_replay():
    books = TapeBooks(open_tape("synthetic:events=300"))
    sides = ({}, {})
    for place, frame in enumerate(books.tape.frames):
        for side, levels in zip(sides, frame.levels, strict=True):
            for price, lots in levels:
                side[price] = lots
                if not lots:
                    del side[price]
        if place % 37 == 0 or place == len(books.tape.frames) - 1:
            found = books.snapshot_after(place)
            assert (dict(found.levels[0]), dict(found.levels[1]), found.update_id) == (*sides, frame.update_id)
            assert books.quotes[place] == (max(sides[0]), sides[0][max(sides[0])], min(sides[1]), sides[1][min(sides[1])])


def test_a_cause_is_known_once_it_was_sent_in_each_lap(spot):
    market = Market("XYZ", TapeBooks(spot), 1, {})
    assert market.find(103) is None
    market.mark_sent(1, 50)
    assert market.find(103)[1] == 50
    market.mark_sent(3, 60)
    market.mark_sent(4, 70)
    assert market.find(106) == (market.books.quotes[3], 70), "a ticker of the same id was sent last"
    assert market.find(106 + market.lap_ids) is None
    market.mark_sent(3 + market.size, 90)
    assert market.find(106 + market.lap_ids)[1] == 90
    assert market.find(106)[0] == market.books.quotes[3], "an older lap's answer stays the same"
    assert market.find(1 << 63) is None
    assert market.ticks_sent == 4


@pytest.mark.parametrize(
    "text", ["", "x", "constant", "constant:0", "constant:-1", "constant:nan", "burst:1,2", "poisson:1e99"]
)
def test_times_that_name_no_plan_are_refused(text):
    with pytest.raises(UsageError):
        parse_times(text)


@pytest.mark.parametrize("text", ["recorded", "scaled:1000", "constant:100", "poisson:100", "burst:100,10,1000"])
def test_a_plan_never_goes_back_and_serves_the_symbols_alike(text):
    tapes = [open_tape("synthetic:events=60")] * 3
    plan = make_schedule(parse_times(text), tapes, [1, 20, 40], None, 5)
    again = make_schedule(parse_times(text), tapes, [1, 20, 40], None, 5)
    assert len(plan.due_ns) == 3 * 59
    assert np.all(np.diff(plan.due_ns) >= 0)
    assert np.bincount(plan.symbols).tolist() == [59, 59, 59]
    assert np.array_equal(plan.due_ns, again.due_ns)


def test_recorded_times_go_round_when_more_is_asked_for():
    tape = open_tape("synthetic:events=60")
    length_s = (tape.frames[-1].receive_ns - tape.frames[0].receive_ns) / 1e9
    plan = make_schedule(parse_times("recorded"), [tape], [1], 3 * length_s, 1)
    assert 2.5 * 60 < len(plan.due_ns) < 3.5 * 60
    with pytest.raises(UsageError, match="shorten"):
        make_schedule(parse_times("constant:1e9"), [tape], [1], 86_400, 1)


@pytest.mark.parametrize("text", ["", "x", "-1", "1,2", "uniform:5", "uniform:9,5", "lognormal:0,1", "lognormal:5,9", "nan"])
def test_delays_that_name_no_distribution_are_refused(text):
    with pytest.raises(UsageError):
        parse_delay(text, 1)


def test_delays_follow_their_distribution_and_their_seed():
    take = lambda text, seed: list(itertools.islice(parse_delay(text, seed), 5_000))  # noqa: E731
    assert set(take("2000", 1)) == {2_000_000}
    uniform = take("uniform:100,200", 1)
    assert 100_000 <= min(uniform) < 101_000
    assert 199_000 < max(uniform) <= 200_000
    assert np.median(take("lognormal:2000,0.5", 1)) == pytest.approx(2_000_000, rel=0.05)  # 5 sigma of a median of 5,000
    assert uniform == take("uniform:100,200", 1) != take("uniform:100,200", 2)


def test_faults_hit_every_nth_diff_and_are_counted():
    def sent(faults, numbers=range(1, 13)):
        sender = FaultySender(parse_faults(faults))
        out = list(itertools.chain.from_iterable(sender.outgoing(number, DIFF) for number in numbers))
        return out + list(sender.held()), sender.injected

    assert sent("gap:4") == ([1, 2, 3, 5, 6, 7, 9, 10, 11], {"gap": 3})
    assert sent("duplicate:6") == ([1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 12, 12], {"duplicate": 2})
    assert sent("reorder:4") == ([1, 2, 3, 5, 4, 6, 7, 9, 8, 10, 11, 12], {"reorder": 3})
    assert FaultySender({"gap": 2}).outgoing(1, TRADE) == (1,)
    for wrong in ("gap", "gap:1", "gap:x", "lost:5"):
        with pytest.raises(UsageError):
            parse_faults(wrong)


def test_a_broken_trade_is_named_with_its_line(tmp_path):
    path = samples.write_capture(tmp_path / "x.jsonl", [*samples.spot_frames(), {"stream": "xyz@trade", "data": {"p": 1}}])
    with pytest.raises(InputError, match="line 11: broken trade"):
        open_tape(str(path))
