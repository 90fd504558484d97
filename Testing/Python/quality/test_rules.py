"""The table of the quality check: every rule passes what is usual and catches what is not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.quality import check_organs, check_stations
from LNStationLib.quality.doubts import Doubt
from LNStationLib.quality.rules import (
    LANDMARKS,
    OrganRule,
    Plausibility,
    RelationRule,
    Rule,
    StationRule,
    plausibility,
)
from LNStationLib.state.organ_set import Landmark, Organ, OrganSet, OrganSource
from LNStationLib.state.station_map import StationMap
from LNStationLib.support.reason import Reason
from Testing.Tools import quality_page

RULES = plausibility()
EDGE = 12
"""Voxels along an edge of a cube of a wanted size; it lies in the middle of a grid of twice as many."""


def values(rule: Rule, measure: str) -> Iterator[tuple[float, str | None]]:
    """Values well inside and outside of a rule's bounds, each with the severity that it must have."""
    (low, high), (lowest, highest) = rule.usual, rule.possible
    step = 0.05 if measure.startswith("share") else 0.2 * max(abs(high or low or 0.0), 20.0)
    if low is not None and high is not None:
        yield (low + high) / 2, None
    elif high is not None:
        yield max(high - step, 0.0) if measure.startswith("share") else high - step, None
    else:
        assert low is not None
        yield low + step, None
    for bound, far, away in ((high, highest, 1.0), (low, lowest, -1.0)):
        if bound is not None and far is not None:
            yield (bound + far) / 2, "doubtful"
            # A size below the smallest possible one is still more than nothing.
            too_small = away < 0 and measure in ("volume_ml", "height_mm")
            yield (far / 2 if too_small else far + away * step), "leave_out"


def cases(rules: list[OrganRule] | list[StationRule]) -> list[object]:
    return [
        pytest.param(rule, name, value, severity, id=f"{name}-{rule.measure}-{value:.3g}")
        for rule in rules
        for name in rule.names
        for value, severity in values(rule, rule.measure)
    ]


def cube(edge_mm: float) -> tuple[Grid, np.ndarray]:
    """A cube of that edge in the middle of a grid that does not cut it."""
    grid = Grid((2 * EDGE,) * 3, (edge_mm / EDGE,) * 3, (0.0, 0.0, 0.0))
    mask = np.zeros(grid.shape, dtype=bool)
    mask[(slice(EDGE // 2, EDGE // 2 + EDGE),) * 3] = True
    return grid, mask


def edge_of(measure: str, value: float) -> float:
    return math.cbrt(value * 1000) if measure == "volume_ml" else value


def of(doubts: tuple[Doubt, ...], rule: OrganRule | RelationRule | StationRule) -> list[str]:
    """Severities of the doubts that a rule raised."""
    return [doubt.severity for doubt in doubts if (doubt.measure, doubt.usual) == (rule.measure, rule.usual)]


@pytest.mark.parametrize(("rule", "name", "value", "severity"), cases(RULES.organs))
def test_size_of_an_organ_is_judged_by_its_rule(
    rule: OrganRule, name: str, value: float, severity: str | None
) -> None:
    grid, mask = cube(edge_of(rule.measure, value))
    organs = OrganSet(grid)
    organs.add(Organ(name, mask, OrganSource.IMAGE, Reason("made")))
    alone = RULES.model_copy(update={"organs": [rule], "relations": []})
    checked, doubts = check_organs(organs, np.ones(grid.shape, dtype=bool), alone)
    assert of(doubts, rule) == ([] if severity is None else [severity])
    if severity == "leave_out":
        assert name not in checked


SPAN = Grid((420, 12, 420), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))


def put(organs: OrganSet, term: str, offset_mm: float, axis: int) -> None:
    """Put a landmark, or an organ by its top, bottom or middle, so far from the middle of the grid along an axis."""
    index = [210, 6, 210]
    index[axis] += round(offset_mm / 2)
    part, colon, name = term.partition(":")
    if not colon:
        place = organs.grid.point_mm((float(index[0]), float(index[1]), float(index[2])))
        organs.landmarks[term] = Landmark(term, place, OrganSource.IMAGE)
        return
    mask = np.zeros(SPAN.shape, dtype=bool)
    low, high = {"top": (-4, 1), "bottom": (0, 5), "middle": (-2, 3)}[part]
    box = [slice(i - 2, i + 3) for i in index]
    box[0] = slice(index[0] + low, index[0] + high)
    mask[tuple(box)] = True
    organs.add(Organ(name, mask, OrganSource.IMAGE, Reason("made")))


def related(rule: RelationRule, value: float) -> OrganSet:
    organs = OrganSet(SPAN)
    put(organs, rule.second, 0.0, 0)
    put(organs, rule.first, value, 0 if rule.measure == "above_mm" else 2)
    for name in rule.suspects:
        if name not in organs and name in {row.name for row in anatomy.organs()}:
            mask = np.zeros(SPAN.shape, dtype=bool)
            mask[200:220, 2:6, 200:220] = True
            organs.add(Organ(name, mask, OrganSource.IMAGE, Reason("made")))
    return organs


@pytest.mark.parametrize(
    ("rule", "value", "severity"),
    [
        pytest.param(rule, value, severity, id=f"{rule.first}-{rule.second}-{value:.3g}")
        for rule in RULES.relations
        for value, severity in values(rule, rule.measure)
    ],
)
def test_order_and_sides_are_judged_by_their_rules(rule: RelationRule, value: float, severity: str | None) -> None:
    alone = RULES.model_copy(update={"organs": [], "relations": [rule]})
    checked, doubts = check_organs(related(rule, value), np.ones(SPAN.shape, dtype=bool), alone)
    assert of(doubts, rule) == ([] if severity is None else [severity])
    if severity == "leave_out":
        assert not {*checked, *checked.landmarks} & set(rule.suspects)
        assert checked.warnings


LEVELS = ("lowest_above_carina_mm", "highest_above_carina_mm", "left_of_carina_mm")


def station_case(rule: StationRule, name: str, value: float) -> tuple[StationMap, OrganSet, np.ndarray]:
    """A cube as a station whose one measure has that value."""
    grid, mask = cube(edge_of(rule.measure, value) if rule.measure in ("volume_ml", "height_mm") else 60.0)
    organs = OrganSet(grid)
    hu = np.zeros(grid.shape, dtype=np.int16)
    if rule.measure in LEVELS:
        low, high = (float(grid.coordinates_mm(0)[i]) for i in (EDGE // 2, EDGE // 2 + EDGE - 1))
        z = (high if rule.measure == "highest_above_carina_mm" else low) - value
        x = (low + high) / 2 - value
        organs.landmarks["carina"] = Landmark("carina", (x, 0.0, z), OrganSource.IMAGE)
    elif rule.measure.startswith("share"):
        misplace(rule.measure, round(value * EDGE), organs, hu)
    labels = np.where(mask, anatomy.station(name).label_value, 0).astype(np.uint8)
    return StationMap(grid, labels, np.zeros(grid.shape[0], dtype=np.float32)), organs, hu


def misplace(measure: str, rows: int, organs: OrganSet, hu: np.ndarray) -> None:
    """Let so many of the cube's rows, of 5 mm each, lie where no station can; the cube's first row is EDGE // 2."""
    front, end = EDGE // 2 + rows, EDGE // 2 + EDGE - rows
    if measure == "share_in_air":
        hu[:, :front] = -1000
    elif measure == "share_outside_body":
        add(organs, "body", slice(front, None))
    elif measure == "share_in_bone":
        add(organs, "ribs", slice(None, front))
    elif measure == "share_before_sternum":
        add(organs, "sternum", slice(front, None))
    elif measure == "share_behind_spine_front":
        add(organs, "spine", slice(end - 5, None))
    else:
        add(organs, "lung_right", slice(front + 3, None), slice(0, 10))
        add(organs, "lung_left", slice(front + 3, None), slice(14, 24))


def add(organs: OrganSet, name: str, rows: slice, columns: slice = slice(None)) -> None:
    mask = np.zeros(organs.grid.shape, dtype=bool)
    mask[:, rows, columns] = True
    organs.add(Organ(name, mask, OrganSource.IMAGE, Reason("made")))


@pytest.mark.parametrize(("rule", "name", "value", "severity"), cases(RULES.stations))
def test_station_is_judged_by_its_rule(rule: StationRule, name: str, value: float, severity: str | None) -> None:
    station_map, organs, hu = station_case(rule, name, value)
    checked, doubts = check_stations(station_map, organs, hu)
    assert of(doubts, rule) == ([] if severity is None else [severity])
    assert (name in checked.left_out) == any(doubt.severity == "leave_out" for doubt in doubts)
    assert checked.mask(name).any() == (name not in checked.left_out)


def test_every_station_and_side_is_tested_by_size_level_and_place() -> None:
    measures = {name: {rule.measure for rule in RULES.stations if name in rule.names} for name in station_names()}
    needed = {"volume_ml", "height_mm", "lowest_above_carina_mm", "highest_above_carina_mm", "share_in_air"}
    assert {name for name, found in measures.items() if not needed <= found} == set()
    sided = {row.name for row in anatomy.stations() if row.side is not None}
    assert {name for name in sided if "left_of_carina_mm" not in measures[name]} == set()


def station_names() -> list[str]:
    return [row.name for row in anatomy.stations()]


def test_landmarks_of_the_rules_are_those_that_are_found(repository: Path) -> None:
    page = (repository / "docs" / "organs.md").read_text(encoding="utf-8")
    assert [name for name in LANDMARKS if f"`{name}`" not in page] == []


def changed(**what: object) -> dict[str, object]:
    table = RULES.model_dump(mode="json")
    table["organs"][0] |= what
    return table


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ({"names": ["heart", "spleen"]}, "no organ spleen"),
        ({"sources": ["hearsay"]}, "no source hearsay"),
        ({"usual": [None, None]}, "without bounds"),
        ({"usual": [1.0, 1e9]}, "must hold"),
        ({"possible": [None, 150]}, "same bounds"),
        ({"measure": "weight_g"}, "measure"),
    ],
)
def test_a_table_with_an_error_is_refused_on_load(what: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Plausibility.model_validate(changed(**what))


def test_the_page_of_the_rules_is_what_the_table_says(repository: Path) -> None:
    text = (repository / "docs" / "quality.md").read_text(encoding="utf-8")
    assert quality_page.page(text) == text
