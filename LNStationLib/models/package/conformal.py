"""Conformal sets of a package: what its probability leaves open at a chosen coverage (Vovk et al. 2005)."""

from __future__ import annotations

from pydantic import Field

from LNStationLib.models.package.parts import Strict
from LNStationLib.state.assessment import PredictionSet


class GroupLimit(Strict):
    """How far from a label the probability of a group's stations may lie for the label to stay in the set."""

    title: str = Field(description="Of the station group.")
    limit: float = Field(ge=0, le=1, description="Largest 1 - p (positive) or p (negative) that keeps the label.")
    n_stations: int = Field(ge=1, description="That it was fitted on.")


class ConformalSets(Strict):
    """Split conformal prediction by station group (Mondrian; Vovk et al. 2005; Angelopoulos and Bates 2023).

    Of exchangeable stations of a group at least ``coverage`` have their true label in the set.
    """

    coverage: float = Field(gt=0, lt=1, description="That the sets are made for, in each group.")
    groups: list[GroupLimit] = Field(min_length=1, description="In the order of the station groups.")
    fitted_on: str = Field(description="Which data, in words.")

    def prediction_set(self, group: int, probability: float) -> PredictionSet:
        """The labels that a probability leaves; where it leaves none, both, which can only raise the coverage."""
        limit = self.groups[group].limit
        positive, negative = 1 - probability <= limit, probability <= limit
        if positive == negative:
            return "either"
        return "positive" if positive else "negative"

    def lines(self) -> tuple[str, ...]:
        """For the card."""
        limits = (f"{each.title} {each.limit:.2f} ({each.n_stations} stations)" for each in self.groups)
        made_for = f"{100 * self.coverage:.0f} % coverage in each station group"
        return (f"made for {made_for}, on the {self.fitted_on}", f"limits: {', '.join(limits)}")
