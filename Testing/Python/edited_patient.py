"""A synthetic patient, ways to edit its stations, and how two answers are compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from made_once import made_once
from scipy.ndimage import binary_dilation, binary_erosion

from LNStationLib import anatomy
from LNStationLib.assessment.assess import judge_case, parse_case
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.nodes.registry import METHODS as NODES
from LNStationLib.phantom import demo_case
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import Assessment, StationFinding
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings

Method = str
METHODS: tuple[str, ...] = tuple(method.name for method in NODES if method.package_task is None)
"""That need no model package; methods with one have tests of their own."""
COARSE_MM = 2.8
Edits = Mapping[str, sitk.Image | None]


@made_once
def patient() -> Case:
    return demo_case(spacing_mm=(2.0, 2.0, 4.0))


@made_once
def parsed() -> PatientState:
    return parse_case(patient(), Settings(working_spacing_mm=COARSE_MM))


@made_once
def assessed(method: Method, fraction: float | None = None) -> AssessedCase:
    settings = Settings(nodes=method, node_suv_fraction_of_max=fraction, working_spacing_mm=COARSE_MM)
    return judge_case(replace(parsed(), settings=settings))


def labels_of(case: AssessedCase | PatientState) -> np.ndarray:
    stations = case.stations if isinstance(case, PatientState) else case.state.stations
    return array_view(stations)


def mask_of(case: AssessedCase, station: str) -> np.ndarray:
    return np.equal(labels_of(case), anatomy.station(station).label_value)


def boxed(mask: np.ndarray, ct: sitk.Image, margin: int = 2) -> sitk.Image | None:
    """A mask as the module sends it: a box of the CT's grid, ``None`` where it is empty."""
    if not mask.any():
        return None
    where = np.argwhere(mask)
    low = np.maximum(where.min(axis=0) - margin, 0)
    high = np.minimum(where.max(axis=0) + 1 + margin, mask.shape)
    size, start = [int(n) for n in (high - low)[::-1]], [int(n) for n in low[::-1]]
    return sitk.RegionOfInterest(like(mask.astype(np.uint8), ct), size, start)


def grown(case: AssessedCase, station: str, steps: int) -> Edits:
    """Grow a station over whatever lies beside it."""
    return {station: boxed(binary_dilation(mask_of(case, station), iterations=steps), case.state.case.ct)}


def shrunken(case: AssessedCase, station: str, steps: int) -> Edits:
    return {station: boxed(binary_erosion(mask_of(case, station), iterations=steps), case.state.case.ct)}


def emptied(case: AssessedCase, station: str) -> Edits:
    return {station: None}


def shifted(case: AssessedCase, station: str, steps: int) -> Edits:
    return {station: boxed(np.roll(mask_of(case, station), steps, axis=2), case.state.case.ct)}


def halved(case: AssessedCase, station: str) -> Edits:
    mask = mask_of(case, station).copy()
    middle = int(np.median(np.argwhere(mask)[:, 2]))
    mask[:, :, middle:] = False
    return {station: boxed(mask, case.state.case.ct)}


EDITS: dict[str, Callable[[AssessedCase], Edits]] = {
    "4R grows over its neighbors": lambda case: grown(case, "4R", 4),
    "7 shrinks": lambda case: shrunken(case, "7", 2),
    "10R is emptied": lambda case: emptied(case, "10R"),
    "4L moves": lambda case: shifted(case, "4L", 3),
    "7 is halved": lambda case: halved(case, "7"),
    "1R, which bounds the search, is emptied": lambda case: emptied(case, "1R"),
    "two at once": lambda case: {**shrunken(case, "4R", 1), **emptied(case, "11R")},
}


def from_the_start(now: AssessedCase) -> AssessedCase:
    """The same station map, assessed from the start."""
    return judge_case(replace(now.state, nodes=None))


def numbering(now: AssessedCase, other: AssessedCase) -> dict[int, int]:
    """Node numbers of one answer to those of another; fails where their voxels differ."""
    a, b = (array_view(one.nodes) for one in (now, other))
    assert np.array_equal(a > 0, b > 0)
    pairs = {(int(x), int(y)) for x, y in zip(a[a > 0], b[a > 0], strict=True)}
    numbers = dict(pairs)
    assert len(numbers) == len(pairs) == len({y for _, y in pairs})
    return numbers


def renumbered(text: str, numbers: dict[int, int]) -> str:
    return re.sub(r"\bnode (\d+)", lambda found: f"node {numbers[int(found[1])]}", text)


def with_numbers(facts: Any, numbers: dict[int, int]) -> Any:
    """Facts with the numbers of their nodes replaced."""
    if isinstance(facts, list):
        return [with_numbers(one, numbers) for one in facts]
    if not isinstance(facts, dict):
        return facts
    replaced = {name: with_numbers(one, numbers) for name, one in facts.items()}
    if "nodes" in facts:
        replaced["nodes"] = [numbers[node] for node in facts["nodes"]]
    if isinstance(facts.get("node"), int):
        replaced["node"] = numbers[facts["node"]]
    return replaced


def comparable(assessment: Assessment, numbers: dict[int, int] | None = None) -> dict[str, Any]:
    """An assessment without times, with node numbers replaced."""
    content = assessment.model_dump(exclude={"created"})
    for row in content["provenance"]:
        row["seconds"] = None
    ids = numbers or {node.node_id: node.node_id for node in assessment.nodes}
    for row in content["stations"]:
        row["reason"] = renumbered(row["reason"], ids)
        row["call_warnings"] = [renumbered(text, ids) for text in row["call_warnings"]]
        for field in ("call_warning_codes", "reason_code"):
            row[field] = with_numbers(row[field], ids)
        row["attention_node"] = ids.get(row["attention_node"])
    for row in content["nodes"]:
        row["node_id"] = ids[row["node_id"]]
    content["warnings"] = [text for text in content["warnings"] if "outside all parsed stations" not in text]
    content["warning_codes"] = [one for one in content["warning_codes"] if one["code"] != "nodes_outside_stations"]
    content["nodes"].sort(key=lambda row: row["node_id"])
    return content


_LAST_DECIMAL = 1.5e-4
"""Probabilities have four decimals; two that differ by rounding may end in neighboring ones."""

_NUMBER = re.compile(r"(\d+\.\d+)")


def assert_alike(one: Any, other: Any, where: str = "assessment") -> None:
    """Hold two answers to be the same but for rounding: a network sums a region otherwise in another batch."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            assert_alike(value, other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_alike(*pair, f"{where}[{index}]")
    elif isinstance(one, float) and isinstance(other, float):
        assert one == pytest.approx(other, rel=1e-6, abs=_LAST_DECIMAL), where
    elif isinstance(one, str) and isinstance(other, str):
        _assert_texts_alike(one, other, where)
    else:
        assert one == other, where


def _assert_texts_alike(one: str, other: str, where: str) -> None:
    """Words are the same, and numbers with decimals up to one in the last."""
    parts, others = _NUMBER.split(one), _NUMBER.split(other)
    assert parts[::2] == others[::2], where
    for number, partner in zip(parts[1::2], others[1::2], strict=True):
        decimals = len(number.partition(".")[2])
        assert float(number) == pytest.approx(float(partner), abs=1.01 * 10.0**-decimals), where


def assert_law(before: AssessedCase, now: AssessedCase) -> None:
    other = from_the_start(now)
    numbers = numbering(now, other)
    assert_alike(comparable(now.assessment, numbers), comparable(other.assessment))
    kept = {node.node_id for node in before.assessment.nodes}
    assert all(number <= max(kept, default=0) or number not in kept for number in numbers)


def findings(case: AssessedCase) -> dict[str, StationFinding]:
    return {finding.station: finding for finding in case.assessment.stations}
