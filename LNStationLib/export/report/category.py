"""An N category as text, the model's or a reader's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from LNStationLib.assessment.network_stage import network_line
from LNStationLib.export.wording import clean, sentence
from LNStationLib.state.assessment import NStaging

_RULES = {
    "tnm8": "Lung cancer, TNM 8th edition",
    "tnm9": "Lung cancer, TNM 9th edition",
    "petct_paper": "Lung cancer, rules of the PET/CT N-staging paper",
    "ajcc8_esophagus": "Esophageal cancer, AJCC/UICC 8th edition",
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
    known = {"none": "no rules applied", **_RULES}
    rules = known.get(staging.rules) or clean(staging.rules).replace("_", " ")
    facts = []
    if staging.category is not None:
        facts.append(Fact("Decided by", ", ".join(map(clean, staging.deciding_stations)) or "no positive station"))
    facts.append(Fact("Positive stations", ", ".join(map(clean, staging.positive_stations)) or "none"))
    if staging.n_positive_nodes is not None:
        facts.append(Fact("Positive nodes", str(staging.n_positive_nodes)))
    facts.append(Fact("Not assessed", ", ".join(map(clean, staging.not_assessed_stations)) or "none"))
    if staging.network is not None:
        facts.append(Fact("By a network, beside the rules", clean(network_line(staging.network))))
    explanation = sentence(staging.explanation)
    if staging.category is None:
        return Category("not derived", "not_derived", rules, explanation, tuple(facts))
    name = clean(staging.category)
    if staging.is_lower_bound:
        return Category(f"at least {name}", "lower_bound", rules, explanation, tuple(facts))
    return Category(name, "derived", rules, explanation, tuple(facts))
