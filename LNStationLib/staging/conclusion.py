"""From the answer of a rule set to the N category of a patient."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib.staging.answer import NCategoryAnswer
from LNStationLib.staging.method import StagingInput
from LNStationLib.state.assessment import NodeFinding, NStaging
from LNStationLib.state.reason_codes import recorded, said
from LNStationLib.support.reason import Reason

_ORDER = ("N0", "N1", "N2", "N2a", "N2b", "N3")


def is_higher(category: str, other: str) -> bool:
    """Whether one N category is higher than another."""
    return _ORDER.index(category) > _ORDER.index(other)


def positive_nodes(nodes: Sequence[NodeFinding]) -> int | None:
    """Number of positive nodes; ``None`` where there are nodes and none was called, as by a network."""
    if nodes and all(node.call is None for node in nodes):
        return None
    return sum(node.call == "positive" for node in nodes)


def not_derived(given: StagingInput, rules: str, why: Reason) -> NStaging:
    """No category, and why."""
    return NStaging(
        rules=rules,
        **said("explanation", why),
        positive_stations=list(given.positive_stations),
        not_assessed_stations=list(given.not_assessed),
    )


def concluded(given: StagingInput, answer: NCategoryAnswer, rules: str, *, may_rise: bool) -> NStaging:
    """The category of an answer; a lower bound where a station without a call could raise it."""
    warnings = [*answer.warnings, *_nodes_elsewhere(given)]
    if may_rise:
        warnings.append(Reason("not_assessed_may_raise_n", {"stations": list(given.not_assessed)}))
    return NStaging(
        category=answer.category,
        rules=rules,
        is_lower_bound=answer.is_lower_bound or may_rise,
        deciding_stations=list(answer.deciding_stations),
        positive_stations=list(given.positive_stations),
        not_assessed_stations=list(given.not_assessed),
        n_positive_nodes=positive_nodes(given.nodes),
        **said("explanation", answer.why),
        **recorded(warnings),
    )


def _nodes_elsewhere(given: StagingInput) -> list[Reason]:
    """That positive nodes lie in stations not called positive: each may have a threshold of its own."""
    stations = [node.station for node in given.nodes if node.call == "positive" and node.station is not None]
    elsewhere = [name for name in stations if not {name, f"{name}L", f"{name}R"} & set(given.positive_stations)]
    if not elsewhere:
        return []
    facts = {"n_nodes": len(elsewhere), "stations": list(dict.fromkeys(elsewhere))}
    return [Reason("positive_nodes_in_other_stations", facts)]
