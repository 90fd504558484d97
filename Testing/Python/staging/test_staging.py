"""N categories against a hand-written table, and the laws they keep."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from states import said

from LNStationLib import anatomy, staging
from LNStationLib.staging import esophagus_n_category, esophagus_n_lower_bound, lung_n_category
from LNStationLib.staging.rules import LungRules
from LNStationLib.support.errors import InputError
from LNStationLib.support.resources import resource_path

# station: (TNM 8 right tumor, TNM 8 left tumor, paper right tumor, paper left tumor); written by hand from the
# TNM 8 definitions and from Table 3 of Engelson et al. 2026, not from the rule file.
EXPECTED = {
    "1R": ("N3", "N3", "N2", "N3"),
    "1L": ("N3", "N3", "N3", "N2"),
    "2R": ("N2", "N3", "N2", "N3"),
    "2L": ("N3", "N2", "N3", "N2"),
    "3A": ("N2", "N2", "N2", "N2"),
    "3aR": ("N2", "N3", "N2", "N2"),
    "3aL": ("N3", "N2", "N2", "N2"),
    "3AR": ("N2", "N3", "N2", "N2"),
    "3AL": ("N3", "N2", "N2", "N2"),
    "3P": ("N2", "N2", "N2", "N2"),
    "3PR": ("N2", "N3", "N2", "N2"),
    "3PL": ("N3", "N2", "N2", "N2"),
    "4R": ("N2", "N3", "N2", "N3"),
    "4L": ("N3", "N2", "N3", "N2"),
    "5": ("N3", "N2", "N2", "N2"),
    "6": ("N3", "N2", "N2", "N2"),
    "7": ("N2", "N2", "N2", "N2"),
    "8": ("N2", "N2", "N2", "N2"),
    "8R": ("N2", "N3", "N2", "N2"),
    "8L": ("N3", "N2", "N2", "N2"),
    "9": ("N2", "N2", "N2", "N2"),
    "9R": ("N2", "N3", "N2", "N2"),
    "9L": ("N3", "N2", "N2", "N2"),
    "10R": ("N1", "N3", "N1", "N3"),
    "10L": ("N3", "N1", "N3", "N1"),
    "11R": ("N1", "N3", "N1", "N3"),
    "11Rs": ("N1", "N3", "N1", "N3"),
    "11Ri": ("N1", "N3", "N1", "N3"),
    "11L": ("N3", "N1", "N3", "N1"),
    "12R": ("N1", "N3", "N1", "N3"),
    "12L": ("N3", "N1", "N3", "N1"),
    "13R": ("N1", "N3", "N1", "N3"),
    "13L": ("N3", "N1", "N3", "N1"),
    "14R": ("N1", "N3", "N1", "N3"),
    "14L": ("N3", "N1", "N3", "N1"),
}
MIRROR = str.maketrans("RL", "LR")
ORDER = ["N0", "N1", "N2", "N2a", "N2b", "N3"]
RULES = ("tnm8", "tnm9", "petct_paper")
station_sets = st.sets(st.sampled_from(sorted(EXPECTED)), max_size=8)
sides = st.sampled_from(["L", "R"])
rule_names = st.sampled_from(RULES)


def mirror(name):
    """The station on the other side; 11s and 11i exist on the right only, their mirror is 11L."""
    return name.rstrip("si").translate(MIRROR)


def expected(name, side, rules):
    right, left, paper_right, paper_left = EXPECTED[name]
    category = {"R": paper_right, "L": paper_left}[side] if rules == "petct_paper" else {"R": right, "L": left}[side]
    return "N2a" if rules == "tnm9" and category == "N2" else category


@pytest.mark.parametrize(("rules", "side", "name"), list(itertools.product(RULES, "RL", EXPECTED)))
def test_every_station_alone_gives_the_category_of_the_hand_written_table(rules, side, name):
    answer = lung_n_category([name], side, rules)

    assert answer.category == expected(name, side, rules)
    assert [station.casefold() for station in answer.deciding_stations] == [name.casefold()]
    assert answer.explanation.startswith(answer.category)
    assert answer.explanation.count(".") == 1


def test_every_station_of_the_anatomy_table_and_its_variants_is_known():
    names = [name for row in anatomy.stations() for name in (row.name, *row.side_variants)]

    assert all(lung_n_category([name], "R").category != "N0" for name in names)


def test_the_hand_written_table_covers_every_accepted_name():
    assert {name.casefold() for name in EXPECTED} == {name.casefold() for name in staging.lung_rules().names()}


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("side", ["L", "R"])
def test_no_positive_station_is_n0(rules, side):
    answer = lung_n_category([], side, rules)

    assert (answer.category, answer.deciding_stations, answer.is_lower_bound) == ("N0", (), False)


@given(station_sets, st.sampled_from(sorted(EXPECTED)), sides, rule_names)
def test_adding_a_positive_station_never_lowers_the_category(names, extra, side, rules):
    before = lung_n_category(names, side, rules).category
    after = lung_n_category(names | {extra}, side, rules).category

    assert ORDER.index(after) >= ORDER.index(before)


@given(station_sets, sides, rule_names)
def test_mirroring_stations_and_tumor_side_changes_nothing_where_no_5_or_6_is_positive(names, side, rules):
    names = names - {"5", "6"}
    mirrored = {mirror(name) for name in names}

    assert (
        lung_n_category(names, side, rules).category
        == lung_n_category(mirrored, side.translate(MIRROR), rules).category
    )


def test_stations_5_and_6_have_no_mirror_under_tnm_and_are_either_side_for_the_paper():
    for name in ("5", "6"):
        assert lung_n_category([name], "L", "tnm8").category == "N2"
        assert lung_n_category([name], "R", "tnm8").category == "N3"
        assert lung_n_category([name], "L", "petct_paper").category == "N2"
        assert lung_n_category([name], "R", "petct_paper").category == "N2"


@given(st.lists(st.sampled_from(sorted(EXPECTED)), max_size=8), sides, rule_names, st.randoms())
def test_order_and_repeats_do_not_matter(names, side, rules, random):
    shuffled = names * 2
    random.shuffle(shuffled)

    assert lung_n_category(shuffled, side, rules) == lung_n_category(names, side, rules)


@given(station_sets.filter(bool), sides, rule_names)
@settings(max_examples=200)
def test_deciding_stations_alone_give_the_same_category_and_the_others_a_lower_one(names, side, rules):
    answer = lung_n_category(names, side, rules)
    deciding = {name.casefold() for name in answer.deciding_stations}
    rest = [name for name in names if name.casefold() not in deciding]

    assert lung_n_category(answer.deciding_stations, side, rules).category == answer.category
    assert lung_n_category(rest, side, rules).category[:2] < answer.category[:2]


@pytest.mark.parametrize(
    ("names", "side", "category"),
    [
        (["7"], "R", "N2a"),
        (["7", "4R"], "R", "N2b"),
        (["7", "10R"], "R", "N2a"),
        (["8", "8R"], "R", "N2a"),
        (["8R", "9R"], "R", "N2b"),
        (["8R", "8L"], "R", "N3"),
        (["3A", "3P"], "L", "N2b"),
        (["2L", "4L"], "L", "N2b"),
        (["5"], "L", "N2a"),
        (["5", "6"], "L", "N2b"),
        (["7", "4L"], "R", "N3"),
    ],
)
def test_tnm9_counts_stations_of_the_map_for_n2a_and_n2b(names, side, category):
    assert lung_n_category(names, side, "tnm9").category == category


def test_a_station_of_unknown_side_is_ipsilateral_with_a_warning_and_a_lower_bound():
    answer = lung_n_category(["8", "10R"], "R", "tnm8")

    assert (answer.category, answer.is_lower_bound) == ("N2", True)
    assert said(answer.warnings) == [
        "The side of station 8 is unknown; it counts as ipsilateral (N2), contralateral would be N3."
    ]


def test_an_unknown_side_does_not_matter_once_n3_is_certain_nor_for_the_paper():
    for answer in (lung_n_category(["8", "4L"], "R", "tnm8"), lung_n_category(["8"], "R", "petct_paper")):
        assert not answer.is_lower_bound
        assert not answer.warnings


def test_the_paper_example_n1_means_only_group_1():
    answer = lung_n_category(["10R", "11R"], "R", "petct_paper")

    assert (answer.category, answer.deciding_stations) == ("N1", ("10R", "11R"))
    assert "right lung" in answer.explanation


def test_stations_beyond_the_paper_are_warned_about():
    assert "12R" in said(lung_n_category(["12R"], "R", "petct_paper").warnings)[0]
    assert not lung_n_category(["12R"], "R", "tnm8").warnings


@pytest.mark.parametrize("name", ["15", "4X", "", "R4", None, 7])
def test_an_unknown_station_is_refused_and_the_allowed_are_listed(name):
    with pytest.raises(InputError, match=r"unknown station .*1R, 1L, .*14L"):
        lung_n_category([name], "R")


@pytest.mark.parametrize("name", ["1", "2", "4", "10", "11", "12"])
def test_a_station_without_its_side_asks_for_it(name):
    with pytest.raises(InputError, match=f"say {name}R or {name}L"):
        lung_n_category([name], "R")


@pytest.mark.parametrize("side", ["right", "r", "", None, "X"])
def test_an_unknown_side_is_refused(side):
    with pytest.raises(InputError, match="use 'L' or 'R'"):
        lung_n_category(["7"], side)


@pytest.mark.parametrize("rules", ["tnm7", "", None])
def test_unknown_rules_are_refused_and_the_allowed_are_listed(rules):
    with pytest.raises(InputError, match="tnm8, tnm9, petct_paper"):
        lung_n_category(["7"], "R", rules)


@pytest.mark.parametrize(
    ("count", "category"),
    [(0, "N0"), (1, "N1"), (2, "N1"), (3, "N2"), (6, "N2"), (7, "N3"), (70, "N3")],
)
def test_esophagus_category_follows_the_number_of_nodes(count, category):
    assert esophagus_n_category(count).category == category


@pytest.mark.parametrize("count", [-1, 1.5, True, None, "3"])
def test_esophagus_needs_a_whole_number_of_nodes(count):
    with pytest.raises(InputError, match="whole number"):
        esophagus_n_category(count)


@pytest.mark.parametrize(
    ("names", "category"),
    [
        ([], "N0"),
        (["7"], "N1"),
        (["8", "8R"], "N1"),
        (["8R", "8L", "7"], "N2"),
        (["8", "8R", "8L"], "N1"),
        (["2R", "4R", "7"], "N2"),
        (["1R", "2R", "2L", "4R", "4L", "7", "8"], "N3"),
        (["10R", "5", "3A", "11Rs"], "N0"),
    ],
)
def test_each_positive_station_of_the_esophagus_holds_at_least_one_node(names, category):
    answer = esophagus_n_lower_bound(names)

    assert answer.category == category
    assert answer.is_lower_bound == (category != "N3")


def test_stations_beyond_the_regional_map_of_the_esophagus_are_named_not_counted():
    answer = esophagus_n_lower_bound(["3aR", "7", "10L"])

    assert answer.deciding_stations == ("7",)
    assert "3AR and 10L" in said(answer.warnings)[0]


@given(st.lists(st.sampled_from(sorted(EXPECTED)), max_size=8), st.sampled_from(sorted(EXPECTED)))
def test_the_bound_for_the_esophagus_never_falls_when_a_station_is_added(names, extra):
    assert esophagus_n_lower_bound([*names, extra]).category >= esophagus_n_lower_bound(names).category


def test_a_rule_table_that_forgets_a_station_is_refused_on_load():
    table = json.loads(resource_path("Staging", "lung_rules.json").read_text(encoding="utf-8"))
    table["rule_sets"]["tnm8"]["groups"]["R"]["N2"].remove("7")

    with pytest.raises(ValidationError, match="tnm8, tumor side R"):
        LungRules.model_validate(table)


def test_a_rule_table_that_lists_a_station_twice_is_refused_on_load():
    table = json.loads(resource_path("Staging", "lung_rules.json").read_text(encoding="utf-8"))
    table["rule_sets"]["petct_paper"]["groups"]["L"]["N1"].append("7")

    with pytest.raises(ValidationError, match="petct_paper, tumor side L"):
        LungRules.model_validate(table)


@pytest.mark.parametrize(
    ("stations", "words"),
    [
        (["8"], "station 8 holds at least 1 positive node."),
        (["4R", "8"], "stations 4R and 8 hold at least 2 positive nodes."),
    ],
)
def test_the_bound_for_the_esophagus_is_said_in_good_grammar(stations: list[str], words: str) -> None:
    assert esophagus_n_lower_bound(stations).explanation.endswith(words)
