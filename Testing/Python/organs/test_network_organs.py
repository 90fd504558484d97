"""From a network's probabilities to organs, on volumes whose answer is known; no network runs here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from states import said

from LNStationLib.imaging.grid import Grid
from LNStationLib.models.runtime.segmentation import ClassProbabilities
from LNStationLib.organs.from_network.cleanup import Place
from LNStationLib.organs.from_network.organs import NetworkOrgan, findings_of, network_organs
from LNStationLib.organs.from_network.table import CleanUp, clean_up_table, rows_for
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray
from LNStationLib.support.words import words

SPACING_MM = 2.0
GRID = Grid((60, 50, 50), (SPACING_MM,) * 3, (0.0, 0.0, 0.0))
Z, Y, X = np.indices(GRID.shape)
CLASSES = (
    "background",
    "ascending_aorta",
    "aortic_arch",
    "descending_aorta",
    "heart",
    "atrium_left",
    "pulmonary_trunk",
    "superior_vena_cava",
    "brachiocephalic_vein_left",
    "esophagus",
    "liver",
)


def probabilities(given: Mapping[str, tuple[BoolArray, float]]) -> ClassProbabilities:
    """A network's answer: each class with its probability in a mask, background with the rest."""
    values = np.zeros((len(CLASSES), *GRID.shape), np.float32)
    for name, (mask, value) in given.items():
        values[CLASSES.index(name)][mask] = value
    values[0] = 1 - values[1:].sum(axis=0)
    assert values[0].min() >= -1e-6
    return ClassProbabilities(GRID, CLASSES, values.astype(np.float16))


def place(carina_mm: float | None = 60.0, body: BoolArray | None = None) -> Place:
    """The whole grid as body, with the carina in its middle."""
    return Place(np.ones(GRID.shape, bool) if body is None else body, GRID, carina_mm)


def tube(y: float, x: float, low_mm: float, high_mm: float, radius_mm: float = 12.0) -> BoolArray:
    """An upright tube around a row and a column."""
    near = np.hypot(Y - y, X - x) * SPACING_MM <= radius_mm
    return np.asarray(near & (low_mm <= Z * SPACING_MM) & (high_mm >= Z * SPACING_MM))


def found(answer: ClassProbabilities, where: Place | None = None) -> dict[str, NetworkOrgan]:
    """Organs by name."""
    return {organ.name: organ for organ in network_organs([answer], where or place())}


def test_parts_that_share_a_voxel_win_it_together() -> None:
    """Between two parts of the aorta either has less than the background, and their sum more."""
    upper, lower = tube(25, 25, 62, 118), tube(25, 25, 10, 50)
    joint = tube(25, 25, 52, 60)
    answer = probabilities({"ascending_aorta": (upper | joint, 0.32), "descending_aorta": (lower | joint, 0.32)})
    answer.values[1][upper] = answer.values[3][lower] = 0.9
    answer.values[0][upper | lower] = 0.1
    aorta = found(answer)["aorta"]
    assert (aorta.mask & joint).sum() == joint.sum()


def test_blood_that_cannot_be_the_arch_becomes_the_vessel_that_it_can_be() -> None:
    """Below the carina there is no arch: the left main bronchus passes under it."""
    band = tube(25, 25, 20, 50)
    answer = probabilities({"aortic_arch": (band, 0.7), "pulmonary_trunk": (band, 0.15)})
    organs = found(answer)
    assert "aorta" not in organs
    assert organs["pulmonary_artery"].mask[band].all()


def test_the_heart_rises_to_the_carina_and_not_far_above_it() -> None:
    column = tube(25, 25, 10, 100, radius_mm=20.0)
    answer = probabilities({"heart": (column, 0.6), "ascending_aorta": (column, 0.3)})
    organs = found(answer)
    assert organs["heart"].mask[column & (Z * SPACING_MM <= 66)].all()
    assert not organs["heart"].mask[Z * SPACING_MM > 70].any()
    assert organs["aorta"].mask[column & (Z * SPACING_MM > 72)].all()


def test_what_hangs_on_a_neck_below_the_heart_is_not_the_heart() -> None:
    """Stomach and spleen under the left diaphragm look like heart where no contrast parts them."""
    heart, neck, stomach = tube(25, 25, 44, 66, 34.0), tube(25, 25, 30, 44, 10.0), tube(25, 25, 0, 30, 22.0)
    whole = heart | neck | stomach
    mask = found(probabilities({"heart": (whole, 0.9)}))["heart"].mask
    assert mask[heart].all()
    assert not mask[:15].any()
    apex = np.logical_or.reduce([tube(25, 25, 0, 20, 12.0), tube(25, 25, 20, 44, 24.0), heart])
    assert found(probabilities({"heart": (apex, 0.9)}))["heart"].mask[apex].all()


def test_levels_are_not_judged_where_no_carina_was_found() -> None:
    column = tube(25, 25, 10, 100, radius_mm=20.0)
    organs = found(probabilities({"heart": (column, 0.9)}), place(carina_mm=None))
    assert organs["heart"].mask[column].all()


def test_specks_far_from_an_organ_and_outside_the_body_are_not_it() -> None:
    aorta, speck, couch = tube(25, 15, 10, 110), tube(25, 45, 10, 16, 4.0), tube(48, 15, 10, 110, 3.0)
    body = Y < 45
    organs = found(probabilities({"descending_aorta": (aorta | speck | couch, 0.9)}), place(body=np.asarray(body)))
    assert np.array_equal(organs["aorta"].mask, aorta)


def test_a_gap_in_a_tube_is_filled_along_the_most_probable_way() -> None:
    esophagus = tube(25, 25, 10, 110, 7.0)
    gap = np.asarray((Z * SPACING_MM >= 50) & (Z * SPACING_MM <= 62))
    answer = probabilities({"esophagus": (esophagus & ~gap, 0.9)})
    faint = esophagus & gap
    answer.values[CLASSES.index("esophagus")][faint] = 0.3
    answer.values[0][faint] = 0.7
    mask = found(answer)["esophagus"].mask
    assert mask.any(axis=(1, 2))[5:56].all()
    assert (mask & gap & ~esophagus).sum() <= 0.3 * (mask & gap).sum()


def test_what_hangs_on_a_vessel_beyond_its_width_is_not_the_vessel() -> None:
    """A left brachiocephalic vein of 12 mm with a wide layer of thymus below it."""
    cava = tube(25, 10, 40, 90, 8.0)
    vein = np.asarray((np.hypot(Z - 42, Y - 25) * SPACING_MM <= 6.0) & (X > 14) & (X < 46))
    thymus = np.asarray((Z > 31) & (Z <= 40) & (abs(Y - 25) <= 3) & (X > 20) & (X < 30))
    answer = probabilities({"superior_vena_cava": (cava, 0.9), "brachiocephalic_vein_left": (vein | thymus, 0.8)})
    mask = found(answer)["brachiocephalic_vein_left"].mask
    assert (mask & vein).sum() >= 0.95 * vein.sum()
    assert not mask[:36].any()


def test_the_left_atrium_counts_to_the_heart_and_stands_by_itself() -> None:
    heart, atrium = tube(20, 25, 0, 46, 30.0), tube(32, 25, 20, 46, 12.0)
    organs = found(probabilities({"heart": (heart & ~atrium, 0.9), "atrium_left": (atrium, 0.9)}))
    assert organs["heart"].mask[heart | atrium].all()
    assert np.array_equal(organs["atrium_left"].mask, atrium)


def test_loose_pieces_of_a_part_go_to_the_part_around_them() -> None:
    ascending, descending = tube(25, 25, 52, 110, 14.0), tube(25, 25, 10, 50, 14.0)
    speck = tube(25, 25, 80, 90, 4.0)
    parts = {"ascending_aorta": (ascending & ~speck, 0.9), "descending_aorta": (descending | speck, 0.9)}
    organs = found(probabilities(parts), place(carina_mm=None))
    assert organs["ascending_aorta"].mask[speck].all()


def test_confidence_is_the_mean_probability_and_too_little_of_it_leaves_an_organ_out() -> None:
    sure, unsure = tube(25, 15, 10, 110), tube(25, 38, 0, 38, 20.0)
    organs = network_organs([probabilities({"descending_aorta": (sure, 0.8), "liver": (unsure, 0.51)})], place())
    confidence = {organ.name: organ.confidence for organ in organs}
    assert confidence["aorta"] == pytest.approx(0.8, abs=1e-3)
    shaky = [replace(organ, sure=organ.confidence >= 0.6) for organ in organs]
    findings = findings_of(shaky, "x")
    assert {organ.name for organ in findings.organs} == {"aorta", "descending_aorta"}
    assert all(organ.source is OrganSource.NETWORK for organ in findings.organs)
    assert words(findings.organs[0].how) == "network of x, confidence 0.80"


def test_probabilities_of_a_coarse_grid_keep_the_width_of_a_thin_vessel() -> None:
    vessel = tube(25, 25, 10, 110, 4.0)
    answer = probabilities({"esophagus": (vessel, 1.0)})
    fine = Grid((120, 100, 100), (1.0,) * 3, (0.0, 0.0, 0.0))
    organs = network_organs([answer], Place(np.ones(fine.shape, bool), fine, None))
    (esophagus,) = (organ for organ in organs if organ.name == "esophagus")
    across = esophagus.mask[60].any(axis=0).sum()
    assert across == pytest.approx(8, abs=1)


def test_a_network_that_knows_only_wholes_gives_wholes() -> None:
    rows = rows_for(clean_up_table(), [["aorta", "heart", "pericardium"]])
    assert [(row.name, row.parts) for row in rows] == [
        ("aorta", ["aorta"]),
        ("heart", ["heart"]),
        ("pericardium", ["pericardium"]),
    ]


def test_the_table_refuses_what_it_cannot_mean() -> None:
    data = clean_up_table().model_dump()
    data["groups"][1]["parts"].append("gall_bladder")
    with pytest.raises(ValidationError, match="gall_bladder"):
        CleanUp.model_validate(data)


def test_a_network_that_is_sure_of_neither_aorta_nor_heart_is_not_believed() -> None:
    organs = network_organs([probabilities({"liver": (tube(25, 25, 0, 38, 24.0), 0.9)})], place())
    found = findings_of(organs, "x")
    assert not found.organs
    (warning,) = said(found.warnings)
    assert "neither aorta nor heart" in warning
