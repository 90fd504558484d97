"""Several readers of one case, each with calls, notes, blind read, N category and signature of their own.

The reader at work has the case's review; what the others said waits in a text node beside it. Outlines, nodes and the
log of edits are the case's: whoever reads next sees what was corrected, and the log says by whom.
"""

from __future__ import annotations

from typing import Any

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.ReviewState import emptyReview
from LNStationSlicer.case.SceneTexts import OTHER_REVIEWS, REVIEW
from LNStationSlicer.support.Translation import _

ROLE = "otherReviews"
_OWN = ("reader", "blind", "calls", "n_category", "signed", "revealed", "first_read")
"""Fields of a review that are one reader's alone."""


def readersOf(case: CaseScene) -> list[str]:
    """Names of those who have a review of the case, the one at work first."""
    return [case.review().reader, *(name for name in sorted(_waiting(case)) if name != case.review().reader)]


def switchReader(case: CaseScene, name: str) -> None:
    """Let another reader go on with a review of their own, an empty one the first time.

    Raises:
        ValueError: The name is empty.
    """
    name = name.strip()
    if not name:
        raise ValueError("a reader needs a name")
    review, waiting = case.review(), _waiting(case)
    if name == review.reader:
        return
    current = review.asDict()
    if current["reader"] or current["calls"]:
        waiting[current["reader"]] = {field: current[field] for field in _OWN}
    fresh = {**emptyReview(), "reader": name}
    own = waiting.pop(name, {field: fresh[field] for field in _OWN})
    _keep(case, waiting)
    REVIEW.write(review.node, {**current, **own}, indent=1)
    case.updateTable()


def _waiting(case: CaseScene) -> dict[str, dict[str, Any]]:
    node = case.node.GetNodeReference(ROLE)
    return (OTHER_REVIEWS.read(node) or {}) if node is not None else {}


def _keep(case: CaseScene, waiting: dict[str, dict[str, Any]]) -> None:
    OTHER_REVIEWS.write(case.makeTextNode(ROLE, _("Reviews of other readers")), waiting)
