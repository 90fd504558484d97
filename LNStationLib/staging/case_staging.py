"""From station and node calls of one case to its N category, with what was not assessed kept in view."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib import anatomy
from LNStationLib.case.case import CaseFacts
from LNStationLib.staging import NCategoryAnswer, esophagus_n_category, esophagus_n_lower_bound, lung_n_category
from LNStationLib.state.assessment import NodeFinding, NStaging
from LNStationLib.state.settings import Settings

_ORDER = ("N0", "N1", "N2", "N2a", "N2b", "N3")


def stage_case(
    facts: CaseFacts,
    positive_stations: Sequence[str],
    not_assessed: Sequence[str],
    nodes: Sequence[NodeFinding],
    settings: Settings,
) -> NStaging:
    """N category of a case; none where its nodes are candidates of a method that is not fit for staging.

    Those are too unspecific to stage a patient by. The explanation says what they would give, so that a reader who
    confirms them knows.

    Args:
        facts: Cancer and, for lung, the side of the tumor.
        positive_stations: Names with sides where known, e.g. ``"8R"``.
        not_assessed: Stations without a call. Where one of them could raise the category, only "at least" follows.
        nodes: Measured nodes with calls.
        settings: Gives the rule set for lung cancer.
    """
    staging = _stage(facts, positive_stations, not_assessed, nodes, settings)
    if staging.category is None or all(node.fit_for_staging for node in nodes):
        return staging
    explanation = (
        "Not derived: the nodes are unconfirmed candidates of a CT blob detector of low specificity. Taken as they "
        f"are they would give {staging.category}."
    )
    unconfirmed: dict[str, object] = {"category": None, "deciding_stations": [], "is_lower_bound": False}
    return staging.model_copy(update=unconfirmed | {"explanation": explanation})


def _stage(
    facts: CaseFacts,
    positive_stations: Sequence[str],
    not_assessed: Sequence[str],
    nodes: Sequence[NodeFinding],
    settings: Settings,
) -> NStaging:
    n_positive = _positive_nodes(nodes)
    common = {"positive_stations": list(positive_stations), "not_assessed_stations": list(not_assessed)}
    if len(not_assessed) == len(anatomy.stations()):
        return NStaging(rules=staging_rules(facts, settings), explanation="No station could be assessed.", **common)
    if facts.cancer is None:
        return NStaging(
            rules=staging_rules(facts, settings),
            explanation="The primary cancer was not given (lung or esophagus).",
            **common,
        )
    if facts.cancer == "esophagus":
        answer = _esophagus(positive_stations, n_positive)
        return _staging(answer, "ajcc8_esophagus", bool(not_assessed), n_positive, not_assessed, common)
    if facts.tumor_side is None:
        return NStaging(rules=settings.rules, explanation="The side of the lung tumor was not given.", **common)
    answer = lung_n_category(positive_stations, facts.tumor_side, settings.rules)
    worst = lung_n_category([*positive_stations, *not_assessed], facts.tumor_side, settings.rules)
    may_rise = _ORDER.index(worst.category) > _ORDER.index(answer.category)
    return _staging(answer, settings.rules, may_rise, n_positive, not_assessed, common)


def staging_rules(facts: CaseFacts, settings: Settings) -> str:
    """Name of the rule set for a case's cancer; ``"none"`` where the cancer is not given."""
    return {"lung": settings.rules, "esophagus": "ajcc8_esophagus"}.get(facts.cancer or "", "none")


def _positive_nodes(nodes: Sequence[NodeFinding]) -> int | None:
    """Number of positive nodes; ``None`` where there are nodes and none was called, as by a network."""
    if nodes and all(node.call is None for node in nodes):
        return None
    return sum(node.call == "positive" for node in nodes)


def _esophagus(positive_stations: Sequence[str], n_positive: int | None) -> NCategoryAnswer:
    """The higher of the node count's category and the stations' lower bound (a station positive by SUV alone)."""
    by_stations = esophagus_n_lower_bound(positive_stations)
    if n_positive is None:
        return by_stations
    by_nodes = esophagus_n_category(n_positive)
    if _ORDER.index(by_stations.category) > _ORDER.index(by_nodes.category):
        return by_stations
    return by_nodes


def _staging(
    answer: NCategoryAnswer,
    rules: str,
    may_rise: bool,
    n_positive: int | None,
    not_assessed: Sequence[str],
    common: dict[str, list[str]],
) -> NStaging:
    warnings = list(answer.warnings)
    if may_rise:
        warnings.append(
            f"Not assessed: {', '.join(not_assessed)}; a metastasis there could give a higher N category."
        )
    return NStaging(
        category=answer.category,
        rules=rules,
        is_lower_bound=answer.is_lower_bound or may_rise,
        deciding_stations=list(answer.deciding_stations),
        n_positive_nodes=n_positive,
        explanation=answer.explanation,
        warnings=warnings,
        **common,
    )
