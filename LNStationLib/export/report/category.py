"""An N category as text, the model's or a reader's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from LNStationLib.assessment.network_stage import network_line
from LNStationLib.export.wording import clean, sentence
from LNStationLib.state.assessment import NStaging
from LNStationLib.state.reason_codes import spoken
from LNStationLib.support.language import marked, say

_RULES = {
    "tnm8": marked("Lung cancer, TNM 8th edition"),
    "tnm9": marked("Lung cancer, TNM 9th edition"),
    "petct_paper": marked("Lung cancer, rules of the PET/CT N-staging paper"),
    "ajcc8_esophagus": marked("Esophageal cancer, AJCC/UICC 8th edition"),
    "none": marked("no rules applied"),
}


@dataclass(frozen=True)
class Fact:
    """A labelled value."""

    label: str
    value: str


@dataclass(frozen=True)
class Category:
    """The N category as shown.

    Attributes:
        headline: "N2", "at least N2" or "not derived".
        state: Decides the color.
        rules: Title of the rule set.
        explanation: Why.
        facts: Deciding, positive and not assessed stations.
    """

    headline: str
    state: Literal["derived", "lower_bound", "not_derived"]
    rules: str
    explanation: str
    facts: tuple[Fact, ...]


def category_content(staging: NStaging) -> Category:
    """Describe a staging as text."""
    rules = say(_RULES[staging.rules]) if staging.rules in _RULES else clean(staging.rules).replace("_", " ")
    explanation, facts = sentence(spoken(staging.explanation, staging.explanation_code)), _facts(staging)
    if staging.category is None:
        return Category(say("not derived"), "not_derived", rules, explanation, facts)
    name = clean(staging.category)
    if staging.is_lower_bound:
        return Category(say("at least {category}", category=name), "lower_bound", rules, explanation, facts)
    return Category(name, "derived", rules, explanation, facts)


def _facts(staging: NStaging) -> tuple[Fact, ...]:
    facts = []
    if staging.category is not None:
        facts.append(Fact(say("Decided by"), _listed(staging.deciding_stations) or _without_stations(staging)))
    facts.append(Fact(say("Positive stations"), _listed(staging.positive_stations) or say("none")))
    if staging.n_positive_nodes is not None:
        facts.append(Fact(say("Positive nodes"), str(staging.n_positive_nodes)))
    facts.append(Fact(say("Not assessed"), _listed(staging.not_assessed_stations) or say("none")))
    if staging.network is not None:
        facts.append(Fact(say("By a network, beside the rules"), clean(network_line(staging.network))))
    return tuple(facts)


def _without_stations(staging: NStaging) -> str:
    return say("the number of positive nodes") if staging.n_positive_nodes else say("no positive station")


def _listed(stations: Iterable[str]) -> str:
    return ", ".join(map(clean, stations))
