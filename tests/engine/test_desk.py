"""The desk without a network: every order is answered, none is executed twice, outcomes do not depend on time."""

import itertools

import pytest

from engine.exchange_process import order
from tickbench.engine import protocol
from tickbench.engine.exchange.books import TapeBooks
from tickbench.engine.exchange.desk import Desk
from tickbench.engine.exchange.market import Market
from tickbench.engine.exchange.tape import open_tape
from tickbench.engine.protocol import ACK, CANCELLED, EXPIRED, FILL, REASONS, REJECT


class Client:
    """One desk, and one connection that keeps what it is told."""

    def __init__(self, delays=None):
        self.market = Market("SYNTH", TapeBooks(open_tape("synthetic:events=40")), 1, {})
        for number in range(1, 30):
            self.market.mark_sent(number, 1_000 + number)
        self.desk = Desk([self.market], delays or itertools.repeat(500))
        self.told = []

    def cause(self, place=20):
        return self.market.books.tape.frames[place].update_id

    def quote(self, place=20):
        return self.market.books.quotes[place]

    def take(self, message, now_ns=2_000, wire="json", owner="me"):
        """What is said at once."""
        before = len(self.told)
        payload = message if isinstance(message, bytes) else protocol.encode_order(message, wire)
        self.desk.take(payload, wire, now_ns, self.told.append, owner)
        return self.told[before:]

    def outcomes(self, now_ns=1 << 60):
        found = []
        while (taken := self.desk.pop_due(now_ns)) is not None:
            self.desk.settle(taken)
            found.append(taken.outcome)
        return found

    def price(self, ticks):
        return self.market.terms.price_of(ticks)


@pytest.fixture
def client():
    return Client()


def refused(client, message, **options):
    (found,) = client.take(message, **options)
    assert found.kind == REJECT
    return REASONS[found.reason]


def test_an_order_is_acknowledged_at_once_and_filled_after_the_delay(client):
    bid, bid_lots, ask, ask_lots = client.quote()
    (ack,) = client.take(order(1, 1, client.cause(), price=client.price(ask), quantity=1))
    assert (ack.kind, ack.sequence) == (ACK, 1)
    assert client.outcomes(2_499) == []
    (fill,) = client.outcomes(2_500)
    assert (fill.kind, fill.price_ticks, fill.lots) == (FILL, ask, 1)
    client.take(order(2, 2, client.cause(), side=1, price=client.price(1), quantity=bid_lots + 5))
    (fill,) = client.outcomes()
    assert (fill.price_ticks, fill.lots) == (bid, bid_lots), "at the better price, and no more than is there"
    client.take(order(3, 3, client.cause(), price=client.price(ask - 1)))
    assert [one.kind for one in client.outcomes()] == [EXPIRED]
    position = client.desk.accounts["SYNTH"].position
    assert position.quantity_lots == 1 - bid_lots
    assert position.realised_lot_ticks == bid - ask
    assert ask_lots >= 1


def test_outcomes_depend_on_the_cause_and_not_on_when_the_order_came(client):
    found = []
    for counter, place in enumerate((5, 12, 25), 1):
        client.take(order(counter, counter, client.cause(place)), now_ns=10**6 * counter)
        found += client.outcomes()
    assert [one.price_ticks for one in found] == [client.quote(place)[2] for place in (5, 12, 25)]
    assert client.market.ticks_answered == 3


def test_a_resend_is_answered_with_what_was_recorded_and_executed_once(client):
    message = order(1, 1, client.cause())
    client.take(message)
    (again,) = client.take(message)
    assert (again.kind, again.resent) == (ACK, True)
    (fill,) = client.outcomes()
    assert client.take(message) == [fill._replace(resent=True)]
    assert client.outcomes() == []
    assert (client.desk.counts.orders, client.desk.counts.resent, client.desk.counts.fills) == (1, 2, 1)
    assert client.desk.accounts["SYNTH"].position.quantity_lots == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"symbol": "NONE"}, "unknown_symbol"),
        ({"quantity": 0}, "bad_quantity"),
        ({"quantity": 1 << 40}, "bad_quantity"),
        ({"price": 0.0}, "bad_price"),
        ({"price": 70_000.05}, "bad_price"),
        ({"cause": 1 << 50}, "unknown_cause"),
        ({"sequence": 2}, "out_of_sequence"),
        ({"sequence": 0}, "out_of_sequence"),
        ({"session": 0}, "stale_id"),
        ({"counter": 0}, "stale_id"),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(client, changes, reason):
    good = {"counter": 1, "sequence": 1, "cause": client.cause()}
    assert refused(client, order(**{**good, **changes})) == reason
    assert client.outcomes() == []


def test_only_an_order_that_used_up_its_number_is_in_the_digest(client):
    account, messages = client.desk.accounts["SYNTH"], []
    assert refused(client, b"no order") == "malformed"
    assert refused(client, order(1, 5, client.cause())) == "out_of_sequence"
    assert account.state == 0
    messages.append(order(1, 1, client.cause(), quantity=0))
    assert refused(client, messages[0]) == "bad_quantity"
    assert account.state != 0
    (again,) = client.take(messages[0])
    assert (again.kind, again.resent) == (REJECT, True), "a resent refusal is refused alike"
    assert client.take(order(2, 2, client.cause()))[0].kind == ACK, "its number is used up"


def test_a_known_id_with_another_content_is_no_resend(client):
    client.take(order(1, 1, client.cause()))
    assert refused(client, order(1, 1, client.cause(), quantity=2)) == "id_reused"
    assert len(client.outcomes()) == 1


def test_an_id_that_was_passed_over_cannot_be_used_later(client):
    client.take(order(5, 1, client.cause()))
    assert refused(client, order(4, 2, client.cause())) == "stale_id"
    assert client.desk.counts.skipped_ids == 4


def test_outcomes_are_remembered_within_bounds(client, monkeypatch):
    monkeypatch.setattr(protocol, "REMEMBERED_ORDERS", 3)
    messages = [order(n, n, client.cause()) for n in range(1, 6)]
    for message in messages:
        client.take(message)
        client.outcomes()
    assert refused(client, messages[0]) == "stale_id"
    assert client.take(messages[4])[0].resent


def test_what_waits_is_bounded_for_each_connection(client, monkeypatch):
    monkeypatch.setattr(protocol, "MOST_PENDING", 2)
    client.take(order(1, 1, client.cause()))
    client.take(order(2, 2, client.cause()))
    assert refused(client, order(3, 3, client.cause())) == "too_many_pending"
    assert client.take(order(1, 1, client.cause(), session=8), owner="another")[0].kind == ACK
    client.outcomes()
    assert client.take(order(3, 3, client.cause()))[0].kind == ACK


def test_outcomes_of_a_symbol_keep_their_order_whatever_delays_are_drawn():
    client = Client(iter([900, 100, 500]))
    for n in (1, 2, 3):
        client.take(order(n, n, client.cause()), now_ns=n)
    assert [one.sequence for one in client.outcomes()] == [1, 2, 3]


def test_a_lost_connection_keeps_its_orders_or_cancels_them(client):
    kept, cancelled = order(1, 1, client.cause()), order(1, 1, client.cause(), session=8)
    client.take(kept, owner="keeps")
    client.take(cancelled, owner="cancels")
    client.desk.forget("keeps", cancel=False)
    client.desk.forget("cancels", cancel=True)
    assert [one.kind for one in client.outcomes()] == [FILL, CANCELLED]
    assert client.desk.counts.untold == 2
    assert client.take(kept, owner="new")[0].kind == FILL
    assert client.take(cancelled, owner="new")[0].kind == CANCELLED
    assert client.desk.accounts["SYNTH"].position.quantity_lots == 1


def test_a_resend_on_a_new_connection_takes_the_outcome_along(client):
    client.take(order(1, 1, client.cause()), owner="lost")
    client.desk.forget("lost", cancel=False)
    told = []
    client.desk.take(protocol.encode_order(order(1, 1, client.cause()), "json"), "json", 2_100, told.append, "new")
    taken = client.desk.pop_due(1 << 60)
    assert taken.answer is not None
    taken.answer(taken.outcome)
    assert [one.kind for one in told] == [ACK, FILL]


def test_nothing_is_taken_while_the_exchange_closes(client):
    client.take(order(1, 1, client.cause()))
    client.desk.is_closing = True
    assert refused(client, order(2, 2, client.cause())) == "closing"
    assert len(client.outcomes()) == 1
