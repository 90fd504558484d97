"""Which stations are left out or doubtful where vessels look like the tissue around them, on the schematic chest."""

from __future__ import annotations

import numpy as np
import pytest
from stations import schematic_chest as chest

from LNStationLib import anatomy
from LNStationLib.assessment.findings import parsed_outlines
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.stations.iaslc_rules.needs import NEEDS
from LNStationLib.support.words import words

AORTA = ("ascending_aorta", "aortic_arch", "descending_aorta")
PULMONARY_ARTERY = ("pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right")
ENHANCED_HU = 250


def parsed(*, without: tuple[str, ...] = (), surrogates: tuple[str, ...] = ()) -> StationMap:
    """The chest without contrast: its blood has the HU of a node."""
    return chest.parsed_chest(without, surrogates)[2]


def test_every_station_states_its_needs_in_organs_of_the_table() -> None:
    assert set(NEEDS) == {row.name for row in anatomy.stations()}
    for needs in NEEDS.values():
        for blood in (*needs.without_it_wrong, *needs.without_it_doubtful):
            for name in blood.masks:
                anatomy.organ(name)


@pytest.mark.parametrize(
    ("missing", "said", "lost"),
    [
        (AORTA, "aorta", {"2R", "2L", "3A", "4R", "4L", "5", "6", "8", "9"}),
        (PULMONARY_ARTERY, "pulmonary artery", {"4L", "5", "10R", "10L", "11R", "11L"}),
        (("heart",), "heart", {"7", "8", "9"}),
    ],
)
def test_without_contrast_a_missing_vessel_leaves_out_what_it_would_fill(
    missing: tuple[str, ...], said: str, lost: set[str]
) -> None:
    result = parsed(without=missing)
    assert set(result.left_out) == lost
    for name in lost:
        assert said in words(result.left_out[name])
        assert "supply" in words(result.left_out[name])
        assert not result.mask(name).any()


def test_what_a_left_out_station_held_falls_to_no_neighbor() -> None:
    whole, result = parsed(), parsed(without=("heart",))
    assert not (whole.mask("7") & (result.labels > 0)).any()


def test_a_surrogate_is_no_vessel_that_was_seen() -> None:
    result = parsed(surrogates=AORTA)
    assert {"3A", "4R", "6"} <= set(result.left_out)


def test_a_vessel_that_only_runs_through_a_station_makes_it_doubtful() -> None:
    result = parsed(surrogates=("superior_vena_cava",))
    assert result.left_out == {}
    assert "superior vena cava" in words(result.doubts["4R"][0])
    assert result.mask("4R").any()
    assert result.doubts["4R"][0] in parsed_outlines(result)["4R"].warnings
    assert "4R" not in parsed().doubts


def test_where_contrast_shows_the_blood_no_mask_of_it_is_needed() -> None:
    hu, organs = chest.schematic_chest()
    for name, organ in organs.items():
        if any(word in name for word in ("aorta", "aortic", "artery", "trunk", "cava", "vein", "heart")):
            hu[organ.mask] = ENHANCED_HU
    del organs.organs["superior_vena_cava"], organs.organs["heart"]
    result = IaslcRules().parse(hu, organs)
    assert "4R" not in result.doubts
    assert "7" not in result.left_out


def test_without_the_aorta_3p_keeps_to_the_width_of_the_trachea() -> None:
    result = parsed(without=AORTA)
    x = result.grid.coordinates_mm(2)[result.mask("3P").any(axis=(0, 1))]
    assert np.abs(x).max() <= 9.0 + 1.5 + 1.5
    lateral = next(note for note in result.notes("3P") if note.border == "lateral")
    assert lateral.surrogate
