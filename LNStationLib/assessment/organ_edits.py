"""A reader's edits of organs: checked, told apart from what was there, and put into the case as supplied masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.assessment.organ_layers import NOT_SHOWN
from LNStationLib.case.case import Case
from LNStationLib.imaging.edited_masks import EditedMask, digest, placed
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.errors import InputError

Edits = Mapping[str, sitk.Image | None]


def case_with_organs(state: PatientState, edits: Edits) -> Case | None:
    """Put a reader's masks of organs into a case.

    Args:
        state: The patient before the edits, with ``shown`` and ``seen`` of its organs.
        edits: Canonical organ name to its whole new mask in a box of the CT's grid, or ``None`` where it was taken
            away.

    Returns:
        The case, or ``None`` where nothing differs from what was shown. A mask that a finder gave before is an edit
        undone: the organ is found again.

    Raises:
        InputError: There is no such organ.
        GeometryError: A mask is on a different grid from the CT, or reaches outside of it.
    """
    case = state.case
    kept = dict(case.organ_edits)
    for name, image in edits.items():
        _check_name(name)
        mask = placed(anatomy.organ(name).title, image, case.ct)
        if _is_undone(state, name, mask):
            kept.pop(name, None)
        elif _differs(state, name, mask):
            kept[name] = None if mask is None else mask.image(case.ct)
    if kept.keys() == case.organ_edits.keys() and all(kept[name] is case.organ_edits[name] for name in kept):
        return None
    return replace(case, organ_edits={row.name: kept[row.name] for row in anatomy.organs() if row.name in kept})


def _check_name(name: str) -> None:
    known = [row.name for row in anatomy.organs() if row.name not in NOT_SHOWN]
    if name not in known:
        raise InputError(f"there is no organ '{name}' to edit: use a name of the organ table, such as {known[0]}.")


def _is_undone(state: PatientState, name: str, mask: EditedMask | None) -> bool:
    """Whether an edited organ is again as a finder gave it, or as missing as it was."""
    part = state.organ_part
    if part is None or name not in state.case.organ_edits:
        return False
    seen = part.seen.get(name, frozenset())
    return not seen if mask is None else digest(mask) in seen


def _differs(state: PatientState, name: str, mask: EditedMask | None) -> bool:
    shown = {} if state.organ_part is None else state.organ_part.shown
    return (None if mask is None else digest(mask)) != shown.get(name)
