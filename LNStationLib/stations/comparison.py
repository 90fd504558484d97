"""Either method checked by another: where two outlines of a station differ by more than a limit, the station says so.

Two methods that rest on different evidence (definitions on organs, a trained network) seldom err in the same way, so
that their disagreement marks outlines to look at. It says nothing about which of them is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.state.assessment import StationAgreement
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.station_map import StationMap
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

NOT_COVERED = "station_not_covered"
"""Code of a reason of a method that was never meant to draw a station: that is no disagreement."""
_OUTERMOST_PERCENT = 2.0
"""Part of a station's voxels beyond its border on each side: a few stray voxels do not move the border."""
_BORDERS = (("lower", "upper"), ("anterior", "posterior"), ("right", "left"))
"""Borders at the lower and at the higher end of each array axis, in the words of the station table."""


class ComparisonOptions(MethodOptions):
    """With which method a method's stations are compared, and from when they disagree."""

    compare_with: str | None = option(
        None,
        "Another method of this step that also runs, or several with commas; stations on which one disagrees get a "
        "warning, and the report a table.",
        title="Compare with",
        flag="--compare-stations-with",
        width="expert",
    )
    # Below 0.5 two outlines of one size share less than two thirds of their volume. 10 mm are two slices of a usual
    # CT (5 mm): readers who decide slice by slice often differ by one.
    least_agreement: float = option(
        0.5,
        "Stations whose outlines by both methods have a lower Dice coefficient than this get the warning.",
        title="Least agreement (Dice)",
        flag="--least-station-agreement",
        width="expert",
        ge=0.0,
        le=1.0,
    )
    largest_border_difference_mm: float = option(
        10.0,
        "Stations with a border that both methods place farther apart than this get the warning.",
        title="Largest difference of a border",
        flag="--largest-border-difference-mm",
        unit="mm",
        width="expert",
        gt=0.0,
    )

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the methods to compare with, each once."""
        names = (name.strip() for name in (self.compare_with or "").split(","))
        return tuple(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True)
class Agreement:
    """How two outlines of one station agree.

    Attributes:
        dice: In [0, 1].
        border: The border that lies farthest apart, as the station table calls it.
        border_mm: By how much.
    """

    dice: float
    border: str
    border_mm: float


def agreement(one: BoolArray, other: BoolArray, grid: Grid) -> Agreement:
    """Compare two outlines.

    Args:
        one: ``[z, y, x]``, not empty.
        other: On the same grid, not empty.
        grid: Of both.
    """
    dice = 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))
    apart = {
        border: abs(first - second)
        for border, first, second in zip(
            (name for pair in _BORDERS for name in pair), _ends_mm(one, grid), _ends_mm(other, grid), strict=True
        )
    }
    farthest = max(apart, key=apart.__getitem__)
    return Agreement(float(dice), farthest, float(apart[farthest]))


def _ends_mm(mask: BoolArray, grid: Grid) -> list[float]:
    """Lower and higher end along z, y and x in mm."""
    index = np.argwhere(mask)
    low, high = np.percentile(index, [_OUTERMOST_PERCENT, 100 - _OUTERMOST_PERCENT], axis=0, method="nearest")
    ends = zip(low * np.array(grid.spacing_mm), high * np.array(grid.spacing_mm), strict=True)
    return [float(end) for pair in ends for end in pair]


def compared(own: StationMap, other: StationMap, title: str, options: ComparisonOptions) -> StationMap:
    """The stations of one method, doubted where another's disagree.

    Args:
        own: Stays as it is but for doubts, and for the reasons of stations that only the other found.
        other: On the same grid.
        title: Of the other method.
        options: The limits.

    Raises:
        ValueError: The maps lie on different grids.
    """
    if own.grid != other.grid:
        raise ValueError(f"the station maps lie on different grids: {own.grid} and {other.grid}")
    if other.failure is not None:
        warning = Reason("not_compared", {"other": title})
        return replace(own, warnings=[*own.warnings, warning])
    doubts, left_out, rows = dict(own.doubts), dict(own.left_out), list[StationAgreement]()
    for row in anatomy.stations():
        mine, theirs = own.labels == row.label_value, other.labels == row.label_value
        if not mine.any():
            if theirs.any():
                rows.append(StationAgreement(station=row.name, method=title, found_by="other"))
                left_out |= _found_by_other(row.name, left_out, theirs, own.grid, title)
            continue
        rows.append(_agreed(row.name, title, mine, theirs, own.grid))
        doubt = _disagreement(rows[-1], other.left_out.get(row.name), options)
        if doubt is not None:
            doubts[row.name] = (*doubts.get(row.name, ()), doubt)
    return replace(own, doubts=doubts, left_out=left_out, agreement=(*own.agreement, *rows))


def _agreed(station: str, title: str, mine: BoolArray, theirs: BoolArray, grid: Grid) -> StationAgreement:
    if not theirs.any():
        return StationAgreement(station=station, method=title, found_by="chosen")
    found = agreement(mine, theirs, grid)
    facts = {"dice": found.dice, "border": found.border, "border_mm": found.border_mm}
    return StationAgreement(station=station, method=title, found_by="both", **facts)


def _disagreement(found: StationAgreement, left_out: Reason | None, options: ComparisonOptions) -> Reason | None:
    if found.dice is None or found.border_mm is None:
        return None if _is_not_covered(left_out) else Reason("other_method_finds_none", {"other": found.method})
    if found.dice >= options.least_agreement and found.border_mm <= options.largest_border_difference_mm:
        return None
    facts: Mapping[str, object] = {
        "other": found.method,
        "dice": found.dice,
        "border": found.border,
        "border_mm": found.border_mm,
    }
    return Reason("methods_disagree", facts)


def _is_not_covered(reason: Reason | None) -> bool:
    """Whether a station was left out because its method was never meant to draw it."""
    if reason is None:
        return False
    inner = reason.facts.get("why")
    return reason.code == NOT_COVERED or (isinstance(inner, Reason) and inner.code == NOT_COVERED)


def _found_by_other(
    station: str, left_out: Mapping[str, Reason], theirs: BoolArray, grid: Grid, title: str
) -> dict[str, Reason]:
    """The station's reason with what the other found; empty where the method does not say why it left it out."""
    if station not in left_out:
        return {}
    volume = float(np.count_nonzero(theirs)) * grid.voxel_volume_ml
    facts = {"why": left_out[station], "other": title, "volume_ml": volume}
    return {station: Reason("only_other_method_finds", facts)}
