"""The anatomy tables, held against the papers, the reference lists and pydicom's own dictionary."""

from __future__ import annotations

import copy
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.sr._concepts_dict as dicom_concepts
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab

from LNStationLib import anatomy

DATA = Path(__file__).parent / "data"
STATION_NAMES = [row.name for row in anatomy.stations()]
ORGANS = {row.name: row for row in anatomy.organs()}
PETCT_LABELS = ["1L", "1R", "2L", "2R", "3A", "3P", "4L", "4R", "5", "6", "7", "8", "9", "10L", "10R", "11L", "11R"]
DEEPSTATIONING_STATIONS = ["1L", "1R", "2L", "2R", "3A", "3P", "4L", "4R", "5", "6", "7", "8"]
DEEPSTATIONING_RANKING = [
    "esophagus",
    "aortic arch",
    "ascending aorta",
    "heart",
    "spine",
    "sternum",
    "V.BCV (R)",
    "V.BCV (L)",
    "V.pulmonary",
    "descending aorta",
    "V.IJV (R)",
    "V.IJV (L)",
    "A.CCA (R)",
    "A.CCA (L)",
    "V.SVC",
    "A.pulmonary",
    "V.azygos",
    "bronchus (R)",
    "bronchus (L)",
    "lung (R)",
    "lung (L)",
    "trachea",
]
MONAI_MEDIASTINAL_TS2 = {
    "Thyroid gland": "thyroid_gland",
    "Left lobes of lung": "lung_left",
    "Right lobes of lung": "lung_right",
    "Trachea": "trachea",
    "Heart": "heart",
    "Pulmonary vein": "pulmonary_vein",
    "Pulmonary artery": "pulmonary_artery",
    "Esophagus": "esophagus",
    "Aorta": "aorta",
    "Inferior vena cava": "inferior_vena_cava",
    "Brachiocephalic artery": "brachiocephalic_trunk",
    "Right Subclavian artery": "subclavian_artery_right",
    "Left Subclavian artery": "subclavian_artery_left",
    "Right Common carotid artery": "common_carotid_artery_right",
    "Left Common carotid artery": "common_carotid_artery_left",
    "Left Brachiocephalic vein": "brachiocephalic_vein_left",
    "Right Brachiocephalic vein": "brachiocephalic_vein_right",
    "Left Entire atrial appendage": "atrial_appendage_left",
    "Superior Vena cava": "superior_vena_cava",
}


def snomed_meanings() -> dict[str, set[str]]:
    """Every meaning that pydicom's dictionary gives each SNOMED CT code."""
    meanings: dict[str, set[str]] = defaultdict(set)
    for variants in dicom_concepts.concepts["SCT"].values():
        for code, (meaning, _) in variants.items():
            meanings[code].add(meaning)
    return meanings


def mirrored(name: str) -> str:
    """The same organ on the other side."""
    stem, _, side = name.rpartition("_")
    return f"{stem}_{ {'left': 'right', 'right': 'left'}[side] }"


def test_stations_are_the_seventeen_labels_of_the_petct_paper() -> None:
    assert sorted(STATION_NAMES) == sorted(PETCT_LABELS)
    assert [row.label_value for row in anatomy.stations()] == list(range(1, 18))


@pytest.mark.parametrize("name", STATION_NAMES)
def test_every_station_has_an_upper_and_a_lower_border(name: str) -> None:
    borders = anatomy.station(name).borders
    assert {"upper", "lower"} < set(borders)
    assert all(len(text) > 5 for text in borders.values())


@pytest.mark.parametrize(
    ("name", "border", "words"),
    [
        ("1R", "upper", "cricoid"),
        ("2R", "lower", "left brachiocephalic"),
        ("2L", "lower", "superior border of the aortic arch"),
        ("2R", "medial", "left lateral border of the trachea"),
        ("2L", "medial", "left lateral border of the trachea"),
        ("3A", "anterior", "sternum"),
        ("3A", "posterior", "superior vena cava"),
        ("3P", "lower", "carina"),
        ("4R", "upper", "left brachiocephalic"),
        ("4R", "lower", "azygos"),
        ("4L", "upper", "aortic arch"),
        ("4L", "lower", "left main pulmonary artery"),
        ("4L", "lateral", "ligamentum arteriosum"),
        ("5", "medial", "ligamentum arteriosum"),
        ("5", "upper", "lower border of the aortic arch"),
        ("6", "upper", "tangential"),
        ("7", "upper", "carina"),
        ("7", "lower", "bronchus intermedius"),
        ("8", "lower", "diaphragm"),
        ("9", "upper", "inferior pulmonary vein"),
        ("10R", "upper", "azygos"),
        ("10L", "upper", "pulmonary artery"),
        ("11R", "lower", "middle and lower lobe"),
    ],
)
def test_borders_name_the_structures_of_the_iaslc_definition(name: str, border: str, words: str) -> None:
    assert words in anatomy.station(name).borders[border]


def test_stations_that_meet_share_the_border() -> None:
    borders = {row.name: row.borders for row in anatomy.stations()}
    assert borders["2R"]["lower"] == borders["4R"]["upper"]
    assert borders["4L"]["lower"] == borders["5"]["lower"]
    assert borders["7"]["lower"] == borders["8"]["upper"]
    assert borders["1R"]["lower"] == borders["1L"]["lower"]


@pytest.mark.parametrize("name", [name for name in STATION_NAMES if name.endswith(("R", "L"))])
def test_every_sided_station_has_a_twin_on_the_other_side(name: str) -> None:
    row = anatomy.station(name)
    twin = anatomy.station(name[:-1] + {"R": "L", "L": "R"}[name[-1]])
    assert row.side == name[-1] != twin.side
    assert row.zone == twin.zone
    assert row.groups == twin.groups
    assert set(row.borders) >= {"upper", "lower", "medial"}
    assert row.code.scheme == twin.code.scheme
    if row.code.scheme == "SCT":
        assert row.code == twin.code


def test_only_five_and_six_are_left_sided_without_saying_so() -> None:
    assert {row.name for row in anatomy.stations() if row.side and row.name[-1] not in "RL"} == {"5", "6"}
    assert {anatomy.station(name).side for name in ("5", "6")} == {"L"}
    assert {row.name for row in anatomy.stations() if row.side is None} == {"3A", "3P", "7", "8", "9"}


def test_zones_are_those_of_the_iaslc_map() -> None:
    zones = {row.name: row.zone for row in anatomy.stations()}
    expected = {
        "supraclavicular": ["1R", "1L"],
        "upper": ["2R", "2L", "3A", "3P", "4R", "4L"],
        "aortopulmonary": ["5", "6"],
        "subcarinal": ["7"],
        "lower": ["8", "9"],
        "hilar/interlobar": ["10R", "10L", "11R", "11L"],
    }
    assert zones == {name: zone for zone, names in expected.items() for name in names}


def test_groups_of_the_papers_cover_just_the_stations_of_the_papers() -> None:
    zones = {row.name: row.groups.get("deepstationing_zone") for row in anatomy.stations()}
    groups = {row.name: row.groups.get("sa_moe_group") for row in anatomy.stations()}
    assert sorted(name for name, zone in zones.items() if zone) == sorted(DEEPSTATIONING_STATIONS)
    zone_of = ["", "supraclavicular", "superior", "superior", "superior", "aortic", "aortic", "inferior", "inferior"]
    group_of = ["", "upper", "upper", "middle", "middle", "lower", "lower", "lower", "lower"]
    for name in STATION_NAMES:
        number = int(name.rstrip("APRL"))
        assert zones[name] == (zone_of[number] if number <= 8 else None)
        assert groups[name] == (group_of[number] if number <= 8 else None)


def test_station_colors_can_be_told_apart() -> None:
    """A CIEDE2000 difference of 5 is plain to see side by side; of 2 hardly."""
    labs = {row.name: rgb2lab(np.array(row.color) / 255.0) for row in anatomy.stations()}
    distances = {pair: float(deltaE_ciede2000(labs[pair[0]], labs[pair[1]])) for pair in combinations(labs, 2)}
    assert min(distances.values()) > 5, min(distances, key=distances.__getitem__)


def test_organ_colors_are_all_different() -> None:
    colors = [row.color for row in anatomy.organs()]
    assert len(set(colors)) == len(colors)


def test_table_codes_are_in_the_dicom_dictionary_with_their_meaning() -> None:
    rows = [*anatomy.stations(), *anatomy.organs()]
    codes = [row.code for row in rows] + [anatomy.side_code("R"), anatomy.side_code("L")]
    snomed = [code for code in codes if code.scheme == "SCT"]
    assert len(snomed) > 60
    meanings = snomed_meanings()
    assert [code for code in snomed if code.meaning not in meanings.get(code.value, set())] == []


def test_station_snomed_codes_are_lymph_node_sites_of_cid_7600() -> None:
    sites = {
        code
        for variants in dicom_concepts.concepts["SCT"].values()
        for code, (_, context_groups) in variants.items()
        if 7600 in context_groups
    }
    assert {row.code.value for row in anatomy.stations() if row.code.scheme == "SCT"} <= sites


def test_private_codes_say_so_fit_dicom_and_are_unique() -> None:
    rows = [*anatomy.stations(), *anatomy.organs()]
    private = [row.code for row in rows if row.code.scheme != "SCT"]
    assert {code.scheme for code in private} == {anatomy.PRIVATE_SCHEME}
    assert len({code.value for code in private}) == len(private)
    assert all(len(code.value) <= 16 and len(code.scheme) <= 16 and len(code.meaning) <= 64 for code in private)
    assert {row.name for row in anatomy.stations() if row.code in private} == {"1R", "1L", "3A"}


def test_a_station_code_with_its_side_is_unique() -> None:
    keys = [(row.code.value, row.side) for row in anatomy.stations()]
    assert len(set(keys)) == len(keys)


def test_an_organ_code_with_its_side_is_unique() -> None:
    keys = [(row.code.value, row.side) for row in anatomy.organs()]
    repeated = {key for key in keys if keys.count(key) > 1}
    assert repeated == set()


@pytest.mark.parametrize("name", [row.name for row in anatomy.organs() if row.side])
def test_sided_organs_come_in_pairs_or_exist_on_one_side_only(name: str) -> None:
    lone = {"lung_middle_lobe_right", "middle_lobe_bronchus_right", "atrium_left", "atrium_right"}
    lone |= {"atrial_appendage_left", "ventricle_left", "ventricle_right"}
    if name in lone:
        return
    twin = ORGANS[mirrored(name)]
    # The lungs differ in lobes, not in the way they are named.
    assert len(twin.aliases) == len(ORGANS[name].aliases)
    assert {alias.rpartition("_")[0] for alias in twin.aliases} == {
        alias.rpartition("_")[0] for alias in ORGANS[name].aliases
    }


def test_table_orders_what_is_drawn_over_what() -> None:
    order = [
        ("body", "thoracic_cavity", "mediastinum", "lung_left", "lung_lower_lobe_left"),
        ("body", "bone", "spine", "spinal_cord"),
        ("bone", "sternum", "manubrium"),
        ("mediastinum", "pericardium", "heart", "atrium_left", "pulmonary_vein", "inferior_pulmonary_vein_left"),
        ("heart", "aorta", "ascending_aorta"),
        ("aorta", "aortic_arch"),
        ("pulmonary_artery", "pulmonary_trunk"),
        ("lung_right", "airways", "trachea", "bronchus_intermedius", "middle_lobe_bronchus_right"),
        ("superior_vena_cava", "azygos_vein", "azygos_arch"),
    ]
    for names in order:
        priorities = [ORGANS[name].priority for name in names]
        assert priorities == sorted(priorities), names


def test_parts_of_lungs_and_aorta_are_complete() -> None:
    assert set(ORGANS["lung_left"].parts) == {"lung_upper_lobe_left", "lung_lower_lobe_left"}
    assert set(ORGANS["lung_right"].parts) == {f"lung_{lobe}_lobe_right" for lobe in ("upper", "middle", "lower")}
    assert set(ORGANS["aorta"].parts) == {"ascending_aorta", "aortic_arch", "descending_aorta"}
    for row in anatomy.organs():
        assert all(ORGANS[part].priority > row.priority for part in row.parts)
        assert all(not ORGANS[part].parts for part in row.parts)


def test_deepstationing_organs_have_the_ranks_of_the_paper() -> None:
    found = [anatomy.find_organ(name) for name in DEEPSTATIONING_RANKING]
    assert None not in found
    assert [row.deepstationing_rank for row in found if row] == list(range(1, 23))
    key = {row.name for row in anatomy.organs() if row.is_deepstationing_key}
    assert key == {"esophagus", "aortic_arch", "ascending_aorta", "heart", "spine", "sternum"}
    assert sum(row.deepstationing_rank is not None for row in anatomy.organs()) == 22


@pytest.mark.parametrize(("name", "expected"), MONAI_MEDIASTINAL_TS2.items())
def test_monai_auto3dseg_names_resolve(name: str, expected: str) -> None:
    found = anatomy.find_organ(name)
    assert found is not None
    assert found.name == expected


def committed_totalsegmentator_names() -> set[str]:
    tasks = json.loads((DATA / "totalsegmentator_classes.json").read_text(encoding="utf-8"))["tasks"]
    return {name for names in tasks.values() for name in names}


def test_every_totalsegmentator_name_is_an_organ_or_known_to_be_unused() -> None:
    names = committed_totalsegmentator_names()
    assert len(names) > 130
    assert sorted(n for n in names if anatomy.find_organ(n) is None and not anatomy.is_unused(n)) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clavicula_left", "clavicle_left"),
        ("lung_airways", "airways"),
        ("heart_atrium_left", "atrium_left"),
        ("heart_ventricle_right", "ventricle_right"),
        ("vertebrae_T12", "spine"),
        ("rib_right_7", "ribs"),
        ("pulmonary_vein", "pulmonary_vein"),
        ("internal_jugular_vein_right", "internal_jugular_vein_right"),
        ("trachea", "trachea"),
    ],
)
def test_totalsegmentator_names_resolve_to_the_organ_they_denote(name: str, expected: str) -> None:
    assert name in committed_totalsegmentator_names()
    found = anatomy.find_organ(name)
    assert found is not None
    assert found.name == expected


def test_names_of_earlier_versions_of_totalsegmentator_are_known() -> None:
    airways = anatomy.find_organ("lung_trachea_bronchia")
    assert airways is not None
    assert airways.name == "airways"
    assert [name for name in ("face", "lung_vessels") if not anatomy.is_unused(name)] == []


def test_intrapulmonary_vessels_are_not_taken_for_the_great_vessels() -> None:
    assert anatomy.find_organ("lung_arteries") is None
    assert anatomy.find_organ("lung_veins") is None


def test_committed_list_is_that_of_the_installed_totalsegmentator() -> None:
    tables = pytest.importorskip("totalsegmentator.map_to_binary", reason="TotalSegmentator is not installed")
    committed = json.loads((DATA / "totalsegmentator_classes.json").read_text(encoding="utf-8"))["tasks"]
    for task, names in committed.items():
        assert set(names) <= set(tables.class_map[task].values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AORTA.nii.gz", "aorta"),
        ("Oesophagus.NRRD", "esophagus"),
        ("left  main-bronchus.mha", "main_bronchus_left"),
        ("Main Bronchus R", "main_bronchus_right"),
        ("right_atrium", "atrium_right"),
        ("azygous vein", "azygos_vein"),
        ("Superior vena cava", "superior_vena_cava"),
        ("Innominate Artery", "brachiocephalic_trunk"),
        ("lt innominate vein", "brachiocephalic_vein_left"),
    ],
)
def test_find_organ_levels_spelling_side_and_file_ending(name: str, expected: str) -> None:
    found = anatomy.find_organ(name)
    assert found is not None
    assert found.name == expected


@pytest.mark.parametrize("name", ["", "   ", "4R", "tumor", "left", "lungs", "V.BCV (R+L)", "spleen"])
def test_find_organ_takes_nothing_that_is_no_single_organ(name: str) -> None:
    assert anatomy.find_organ(name) is None


def test_every_name_of_the_table_finds_its_own_organ() -> None:
    for row in anatomy.organs():
        for name in (row.name, *row.aliases, *row.pieces):
            assert anatomy.find_organ(name) is row
            assert anatomy.is_piece(name) == (name in row.pieces)


def test_unions_are_told_apart_from_organs() -> None:
    assert anatomy.find_union("Lungs.nii.gz") == ("lung_left", "lung_right")
    assert anatomy.find_union("bronchus (R+L)") == ("main_bronchus_left", "main_bronchus_right")
    assert anatomy.find_union("aorta") == ()
    assert all(len(parts) > 1 for parts in anatomy.unions().values())


def test_suggestions_repair_a_typing_error() -> None:
    assert anatomy.suggest_organs("esophagos")[0] == "esophagus"
    assert anatomy.suggest_organs("acending_aorta.nii.gz", n=1) == ["ascending_aorta"]
    assert anatomy.suggest_organs("qqqqqqqq") == []
    with pytest.raises(KeyError, match="did you mean esophagus"):
        anatomy.organ("esophagos")


@given(st.text(max_size=40))
def test_normal_name_is_idempotent(name: str) -> None:
    once = anatomy.normal_name(name)
    assert anatomy.normal_name(once) == once


@given(st.sampled_from([name for row in anatomy.organs() for name in (row.name, *row.aliases)]), st.data())
def test_case_and_separators_never_matter(name: str, data: st.DataObject) -> None:
    separator = data.draw(st.sampled_from([" ", "-", "__", ".", " _ "]))
    ending = data.draw(st.sampled_from(["", ".nii.gz", ".nrrd", ".NII"]))
    spelled = data.draw(st.sampled_from([str.upper, str.title, str.lower]))(name).replace("_", separator) + ending
    assert anatomy.find_organ(spelled) is anatomy.find_organ(name)


def test_unknown_station_is_an_error_that_lists_the_stations() -> None:
    with pytest.raises(KeyError, match="there are 1R"):
        anatomy.station("12R")


@pytest.fixture
def fresh_tables() -> Iterator[None]:
    """Tables read anew inside the test, and forgotten after it."""
    caches = [anatomy.stations, anatomy.organs, anatomy.unions, anatomy._organ_names, anatomy._unused]
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def _set(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        target: Any = document
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = to

    return change


def read_all_tables() -> None:
    anatomy.stations()
    anatomy.unions()
    anatomy.is_unused("spleen")


@pytest.mark.usefixtures("fresh_tables")
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_set("stations", 1, "label_value", to=1), "station label value used twice: 1"),
        (_set("stations", 1, "name", to="1R"), "station name used twice: 1R"),
        (_set("stations", 0, "color", to=[1, 2, 256]), "color"),
        (_set("stations", 0, "label_value", to=0), "label value 0"),
        (_set("stations", 0, "zone", to="cellar"), "zone 'cellar'"),
        (_set("stations", 0, "side", to="right"), "side 'right'"),
        (_set("stations", 0, "borders", to={}), "borders"),
        (_set("stations", 0, "borders", to={"top": "the top"}), "borders"),
        (_set("stations", 0, "title", to=""), "no title"),
        (_set("organs", 1, "priority", to=1), "organ priority used twice"),
        (_set("organs", 0, "aliases", to=["aorta"]), "organ name or alias used twice: aorta"),
        (_set("organs", 0, "aliases", to=["Whole Body"]), "'Whole Body' is not in normal form"),
        (_set("organs", 0, "parts", to=["wing"]), "parts of organ body"),
        (_set("unions", "lungs", to=["lung_left", "wing"]), "union 'lungs' of things that are not organs"),
        (_set("unions", "aorta", to=["lung_left"]), "union 'aorta' is an organ too"),
        (_set("unused", to=["heart"]), "unused and used"),
    ],
)
def test_a_broken_table_is_refused_on_load(
    change: Callable[[dict[str, Any]], None], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = {name: copy.deepcopy(anatomy._read(name)) for name in ("stations.json", "organs.json")}
    for document in documents.values():
        # Each change is addressed by a key that only one of the two documents has.
        with suppress(KeyError):
            change(document)
    monkeypatch.setattr(anatomy, "_read", documents.__getitem__)
    with pytest.raises(ValueError, match=f"anatomy table: .*{re.escape(complaint)}"):
        read_all_tables()
