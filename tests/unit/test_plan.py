"""The plan of a run: each round whole, in an order that changes from round to round and that the seed decides."""

from types import SimpleNamespace

from tickbench.measure.load_plan import Closed
from tickbench.measure.plan import Entry, make_plan
from tickbench.measure.scenario import Scenario


def _entries(variants=("plain", "twice", "null"), rounds=5):
    asked = {"why": "w", "component": "sums", "workload": "adding", "rounds": rounds, "load": Closed()}
    return [
        Entry(
            Scenario(id=f"smoke/{name}", suite="smoke", **asked),
            SimpleNamespace(all_cores=False),
            tuple(SimpleNamespace(name=one) for one in variants),
            {},
        )
        for name in ("one", "two")
    ]


def _order(seed):
    steps = make_plan(_entries(), [], seed, (0, 1)).steps
    return [(one.round, one.entry.scenario.id, one.variant.name, one.cpus, one.seed) for one in steps]


def test_the_seed_decides_the_order_the_cores_and_the_seeds_of_the_rounds():
    assert _order(7) == _order(7)
    assert _order(7) != _order(8)


def test_every_round_is_whole_and_shuffled():
    order = _order(7)
    assert [one[0] for one in order] == sorted(one[0] for one in order)
    rounds = [[one[1:3] for one in order if one[0] == wanted] for wanted in range(5)]
    assert all(sorted(one) == sorted(rounds[0]) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    assert len(rounds[0]) == len(set(rounds[0])) == 6


def test_variants_of_a_scenario_follow_each_other_on_one_core_with_one_seed():
    order = _order(7)
    for first in range(0, len(order), 3):
        assert len({(number, scenario, cpus, seed) for number, scenario, _, cpus, seed in order[first : first + 3]}) == 1
