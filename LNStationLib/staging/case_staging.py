"""From calls to the N category, accounting for stations that were not assessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from LNStationLib import anatomy
from LNStationLib.case.case import CaseFacts
from LNStationLib.staging.conclusion import not_derived
from LNStationLib.staging.method import StagingInput, StagingMethod
from LNStationLib.staging.registry import METHODS
from LNStationLib.state.assessment import NodeFinding, NStaging
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.reason_codes import said
from LNStationLib.state.settings import Settings
from LNStationLib.support.reason import Reason

NO_RULES = "none"
"""Stands for the rule set where no method fits the case."""


@dataclass(frozen=True)
class _FactsAlone:
    """A case reduced to its facts."""

    facts: CaseFacts


def staging_method(facts: CaseFacts, settings: Settings) -> StagingMethod | None:
    """The method for a case's cancer; ``None`` where the cancer is not given.

    Raises:
        InputError: One was chosen that does not fit the cancer.
    """
    return METHODS.find(settings, _FactsAlone(facts))


def stage_case(
    facts: CaseFacts,
    positive_stations: Sequence[str],
    not_assessed: Sequence[str],
    nodes: Sequence[NodeFinding],
    settings: Settings,
    patient: PatientState | None = None,
) -> NStaging:
    """N category of a case; none where its nodes are candidates of a method that is not fit for staging.

    Those are too unspecific to stage a patient by. The explanation says what they would give, so that a reader who
    confirms them knows.

    Args:
        facts: Cancer and, for lung, the side of the tumor.
        positive_stations: Names with sides where known, e.g. ``"8R"``.
        not_assessed: Stations without a call. Where one of them could raise the category, only "at least" follows.
        nodes: Measured nodes with calls.
        settings: Choose the method and its options.
        patient: All else that is known, for methods that look at images; ``None`` where only calls are.
    """
    staging = _stage(StagingInput(facts, positive_stations, not_assessed, nodes, patient), settings)
    if staging.category is None or all(node.fit_for_staging for node in nodes):
        return staging
    why = Reason("n_of_unconfirmed_nodes", {"category": staging.category})
    unconfirmed: dict[str, object] = {"category": None, "deciding_stations": [], "is_lower_bound": False}
    return staging.model_copy(update=unconfirmed | said("explanation", why))


def _stage(given: StagingInput, settings: Settings) -> NStaging:
    method = staging_method(given.facts, settings)
    rules = NO_RULES if method is None else method.rules(METHODS.options(method, settings))
    if len(given.not_assessed) == len(anatomy.stations()):
        return not_derived(given, rules, Reason("no_station_assessed"))
    if method is None:
        return not_derived(given, rules, Reason("cancer_not_given"))
    return method.run(given, METHODS.options(method, settings))
