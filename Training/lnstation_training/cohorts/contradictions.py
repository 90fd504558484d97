"""Whether what a table says of a patient's N category and of the stations can both be true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lnstation_training.cohorts.rows import PatientRow
from LNStationLib.staging import lung_n_category
from LNStationLib.staging.rules import Rules
from LNStationLib.support.sentences import listed
from LNStationLib.support.types import Side

_RULES: tuple[Rules, ...] = ("tnm8", "petct_paper")
"""A table contradicts itself where neither agrees: the two differ on station 1 and on the sides of 5 and 6."""
_SIDES: dict[Side, str] = {"L": "left", "R": "right"}
_WITHOUT_SIDE = ("3A", "3P", "8", "9")
"""Tables name these without a side: of the other side they are N3, which no name tells."""


def contradictions(row: PatientRow, dissected_positive: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Columns with what is wrong with them; none of a patient without a side of a lung tumor.

    Imaging's list of stations is complete, so category and stations give one another. Pathology knows dissected
    stations alone, and of nodes that no station names, so its category may only lie above its stations.

    Args:
        row: Of the table of patients.
        dissected_positive: Stations that pathology found metastatic.
    """
    if row.tumor_side is None:
        return
    if row.clinical_n_category is not None and row.clinical_stations is not None:
        given = _categories(row.clinical_stations, row.tumor_side)
        allowed = given | ({"N3"} if _may_be_of_other_side(row.clinical_stations) else set())
        if row.clinical_n_category not in allowed:
            yield "clinical_n_category", _words(row.clinical_n_category, row.clinical_stations, row.tumor_side, given)
    if row.n_category is not None and dissected_positive:
        given = _categories(dissected_positive, row.tumor_side)
        if row.n_category < min(given):
            yield "n_category", _words(row.n_category, dissected_positive, row.tumor_side, given)


def _categories(stations: Sequence[str], side: Side) -> set[str]:
    return {lung_n_category(stations, side, rules).category for rules in _RULES}


def _may_be_of_other_side(stations: Sequence[str]) -> bool:
    return any(name in _WITHOUT_SIDE for name in stations)


def _words(category: str, stations: Sequence[str], side: Side, given: set[str]) -> str:
    shown = f"positive stations {listed(stations)}" if stations else "no positive station"
    return (
        f"{category} contradicts {shown}: with a tumor of the {_SIDES[side]} lung they give {listed(sorted(given))}"
    )
