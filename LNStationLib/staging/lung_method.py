"""The N category of lung cancer as a method of the staging step."""

from __future__ import annotations

from typing import cast

from LNStationLib.staging.conclusion import concluded, is_higher, not_derived
from LNStationLib.staging.lung import lung_n_category
from LNStationLib.staging.method import StagingInput
from LNStationLib.staging.rules import Rules
from LNStationLib.state.assessment import NStaging
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import LUNG_CANCER, Need
from LNStationLib.support.reason import Reason

_REFERENCES: dict[str, tuple[str, ...]] = {
    "tnm8": ("UICC/AJCC TNM, 8th edition, lung",),
    "tnm9": ("UICC/AJCC TNM, 9th edition, lung",),
    "petct_paper": ("Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507, Table 3",),
}


class LungOptions(MethodOptions):
    """Rule set."""

    rules: Rules = option(
        "tnm8",
        "Rules for the N category of lung cancer.",
        title="N rules (lung)",
        flag="--rules",
        choice_titles={"tnm8": "TNM 8", "tnm9": "TNM 9", "petct_paper": "PET/CT paper"},
    )


class LungStaging:
    """Stations and the side of the tumor give the category."""

    name = "lung"
    title = "Lung cancer"
    options: type[MethodOptions] = LungOptions
    needs: tuple[Need, ...] = (LUNG_CANCER,)
    references: tuple[str, ...] = tuple(row for rows in _REFERENCES.values() for row in rows)
    package_task: str | None = None

    def check(self, options: MethodOptions) -> None:
        """Rules need nothing."""

    def rules(self, options: MethodOptions) -> str:
        """Name of the rule set."""
        return cast(LungOptions, options).rules

    def rule_references(self, options: MethodOptions) -> tuple[str, ...]:
        """Edition and source of the rule set."""
        return _REFERENCES[self.rules(options)]

    def run(self, given: StagingInput, options: MethodOptions) -> NStaging:
        """Stage a patient; see :class:`LNStationLib.staging.method.StagingMethod`."""
        rules, side = cast(LungOptions, options).rules, given.facts.tumor_side
        if side is None:
            return not_derived(given, rules, Reason("tumor_side_not_given"))
        answer = lung_n_category(given.positive_stations, side, rules)
        worst = lung_n_category([*given.positive_stations, *given.not_assessed], side, rules)
        return concluded(given, answer, rules, may_rise=is_higher(worst.category, answer.category))
