"""The rows of the list of organs: what they hold. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from LNStationLib import anatomy
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange.AssessmentTypes import OrganFinding
from LNStationSlicer.support.Translation import _

_NOT_LISTED = frozenset({"body"})
"""Not shown as a segment either."""


@dataclass(frozen=True)
class OrganRow:
    """One organ as the list shows it.

    Attributes:
        name: Of the organ table.
        title: For people.
        color: sRGB in [0, 255].
        source: Where it came from, in a word or two, with the confidence of a network.
        detail: How, in a few words more.
        volumeMl: Milliliters; None where it was taken away.
        isStale: Edited since the case was assessed with it.
    """

    name: str
    title: str
    color: tuple[int, int, int]
    source: str
    detail: str
    volumeMl: float | None
    isStale: bool


def organRows(case: CaseScene) -> list[OrganRow]:
    """The organs of a case in table order: those it was assessed with, and those that a reader drew or took away."""
    assessment = case.assessment()
    found = {row["name"]: row for row in (assessment["organs"] if assessment else [])}
    edited, stale = case.editedOrgans(), case.review().organs.stale()
    shown = ({*found} | {*edited} | {*stale}) - _NOT_LISTED
    return [
        OrganRow(
            name=row.name,
            title=row.title,
            color=row.color,
            source=_source(found.get(row.name), row.name in edited, row.name in stale),
            detail=found[row.name]["detail"] if row.name in found else "",
            volumeMl=found[row.name]["volume_ml"] if row.name in found else None,
            isStale=row.name in stale,
        )
        for row in anatomy.organs()
        if row.name in shown
    ]


def _source(finding: OrganFinding | None, isEdited: bool, isStale: bool) -> str:
    if isStale:
        return _("edited, not yet re-assessed")
    if finding is None:
        return _("taken away by the reader")
    if isEdited:
        return _("edited by the reader")
    confidence = finding.get("confidence")
    if finding["source"] == "network" and confidence is not None:
        return _("network {confidence}").format(confidence=f"{confidence:.2f}")
    return {
        "supplied": _("supplied"),
        "derived": _("part of a supplied mask"),
        "network": _("network"),
        "image": _("found in the CT"),
        "surrogate": _("surrogate"),
    }[finding["source"]]
