"""Scenario files: what is accepted, what an error says, and which scenarios a name on the command line means."""

import msgspec
import pytest

from tickbench.errors import InputError, UsageError
from tickbench.measure.catalogue import all_scenarios, check_unique, select, suites
from tickbench.measure.scenario import check_parameters, read_scenarios

MINIMAL = 'why = "w"\ncomponent = "order_book"\nworkload = "replay"\n'


def _read(tmp_path, text):
    path = tmp_path / "one.toml"
    path.write_text(text)
    (scenario,) = read_scenarios(path, "quick/one")
    return scenario


def test_defaults_and_the_names_from_the_path(tmp_path):
    scenario = _read(tmp_path, MINIMAL)
    assert (scenario.id, scenario.suite, scenario.short_name) == ("quick/one", "quick", "one")
    assert (scenario.feed, scenario.writers, scenario.readers, scenario.threads) == ("synthetic", 1, 0, 1)
    assert scenario.load_kind == "closed"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("rouns = 3", "did you mean 'rounds'"),
        ('id = "x"', "there is no key 'id'"),
        ("rounds = 0", "rounds"),
        ("rounds = 2.5", "rounds"),
        ("seconds = -1.0", "seconds"),
        ("seconds = nan", "seconds"),
        ("writers = 0", "nothing would be measured"),
        ("writers = 1000", "writers"),
        ('requires = "events"', "requires"),
        ('load = { kind = "sinus" }', "load"),
        ('load = { kind = "constant", rate = 5.0 }', "load"),
        ("parameters = { batch = [1] }", "parameters"),
        ("rounds = 3\nrounds = 4", "TOML"),
        ('why2 = "\x00"', "TOML"),
    ],
)
def test_an_error_names_file_and_key(tmp_path, line, told):
    with pytest.raises(InputError, match=r"one\.toml") as caught:
        _read(tmp_path, MINIMAL + line)
    assert told in str(caught.value)


def test_a_missing_key_and_an_unreadable_file_are_named(tmp_path):
    with pytest.raises(InputError, match="workload"):
        _read(tmp_path, 'why = "w"\ncomponent = "order_book"\n')
    with pytest.raises(InputError, match="cannot read the scenario"):
        read_scenarios(tmp_path / "none.toml", "quick/none")
    (tmp_path / "one.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not valid TOML"):
        read_scenarios(tmp_path / "one.toml", "quick/one")


def test_parameters_take_the_workloads_defaults_and_types(tmp_path):
    scenario = _read(tmp_path, MINIMAL + "parameters = { batch = 8 }")
    assert check_parameters(scenario, {"batch": 256, "depth": 5}) == {"batch": 8, "depth": 5}
    with pytest.raises(InputError, match="did you mean 'batches'"):
        check_parameters(scenario, {"batches": 256})
    with pytest.raises(InputError, match=r"parameters\.batch"):
        check_parameters(scenario, {"batch": "a word"})


def _sweep(tmp_path, text):
    path = tmp_path / "one.toml"
    path.write_text(MINIMAL + text)
    return read_scenarios(path, "quick/one")


def test_a_sweep_makes_a_scenario_of_each_combination(tmp_path):
    found = _sweep(tmp_path, "parameters = { batch = 1, depth = 3 }\nsweep = { batch = [8, 16], writers = [1, 2] }")
    assert [one.id for one in found] == [f"quick/one@batch={b},writers={w}" for b in (8, 16) for w in (1, 2)]
    assert {one.base_id for one in found} == {"quick/one"}
    assert [(one.parameters["batch"], one.parameters["depth"], one.writers) for one in found] == [
        (8, 3, 1),
        (8, 3, 2),
        (16, 3, 1),
        (16, 3, 2),
    ]
    assert found[0].point == {"batch": 8, "writers": 1}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sweep = { batch = [] }", "sweep"),
        ("sweep = { batch = 3 }", "sweep"),
        ("sweep = { writers = [1, 0] }", "nothing would be measured"),
        (f"sweep = {{ batch = {list(range(65))} }}", "at most 64"),
    ],
)
def test_a_wrong_sweep_is_refused(tmp_path, line, told):
    with pytest.raises(InputError, match=r"one\.toml") as caught:
        _sweep(tmp_path, line)
    assert told in str(caught.value)


@pytest.fixture
def known(tmp_path):
    for name in (
        "smoke/order-book-replay",
        "smoke/channel-hop",
        "full/order-book-replay",
        "full/order-book-deep",
        "full/codec-json",
    ):
        path = tmp_path / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        component = "order_book" if "order" in name else name.partition("/")[2].partition("-")[0]
        path.write_text(f'why = "w"\ncomponent = "{component}"\nworkload = "x"\n')
    (tmp_path / "budgets.toml").write_text("not a scenario")
    return all_scenarios([tmp_path])


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        ([], ["smoke/channel-hop", "smoke/order-book-replay"]),
        (["smoke"], ["smoke/channel-hop", "smoke/order-book-replay"]),
        (["full/order-book-deep"], ["full/order-book-deep"]),
        (["order-book-deep"], ["full/order-book-deep"]),
        (["order_book_replay"], ["smoke/order-book-replay"]),
        (["order-book"], ["smoke/order-book-replay"]),
        (["codec"], ["full/codec-json"]),
        (["full/order-book"], ["full/order-book-deep", "full/order-book-replay"]),
        (["full/codec-json", "full"], ["full/codec-json", "full/order-book-deep", "full/order-book-replay"]),
    ],
)
def test_what_a_name_means(known, names, meant):
    assert [one.id for one in select(names, known)] == meant


def test_an_unknown_name_gets_the_nearest(known):
    with pytest.raises(UsageError, match="did you mean order-book-deep"):
        select(["order-book-dep"], known)
    with pytest.raises(UsageError, match="no such file"):
        select(["nowhere.toml"], known)


def test_suites_and_ids(known):
    assert {name: len(members) for name, members in suites(known).items()} == {"full": 3, "smoke": 2}
    twin = msgspec.structs.replace(known[0])
    with pytest.raises(InputError, match="two scenarios have the id"):
        check_unique([*known, twin])
