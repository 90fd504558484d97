"""A scene that was saved in a layout of the module shows again what it showed, or gets Slicer's usual layout."""

from __future__ import annotations

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.views.Overlays import Overlays
from LNStationSlicer.views.PetViews import PetViews
from LNStationSlicer.views.PriorViews import PriorViews


def takeUpLayout(case: CaseScene | None, pet: PetViews, prior: PriorViews) -> None:
    """Fill the views of a layout that a scene brought along; their volumes were not saved."""
    if pet.isLeftOver:
        pet.takeUp()
        if case is not None:
            pet.show(case, Overlays(case).options())
        if not pet.isFilled:
            pet.hide()
    if prior.isLeftOver:
        prior.takeUp()
        if case is not None:
            prior.show(case)
        if not prior.isFilled:
            prior.hide()
