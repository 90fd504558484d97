"""The top of the panel: who the patient is, and the N categories of reader and model side by side."""

from __future__ import annotations

from dataclasses import dataclass

import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.Parameters import CaseParameters, Facts, factsOf
from LNStationSlicer.case.PatientIdentity import patientLine
from LNStationSlicer.exchange.AssessmentTypes import Assessment, NStaging
from LNStationSlicer.panel.Section import Section
from LNStationSlicer.support.Translation import _

ABSENT = "\N{EN DASH}"
_CATEGORY_STYLE = "font-size: 26px; font-weight: bold;"
_SMALL_STYLE = "color: gray; font-size: 11px;"
"""A heading that must not compete with what stands under it."""


@dataclass(frozen=True)
class Verdict:
    """An N category as the panel's top shows it.

    Attributes:
        category: A few characters to be read from a distance.
        basis: What decides it, or why there is none.
        explanation: The whole sentence, for a tooltip.
    """

    category: str
    basis: str
    explanation: str = ""


class PatientSection(Section):
    """Patient and N categories; shows, and changes nothing."""

    def setUp(self) -> None:
        """The categories are large: they are the answer."""
        for side in ("reader", "model"):
            getattr(self.ui, f"{side}CategoryLabel").styleSheet = _CATEGORY_STYLE
            getattr(self.ui, f"{side}CategoryTitle").styleSheet = _SMALL_STYLE

    def refresh(self) -> None:
        """Show the case under review."""
        case = self.logic.case
        text = patientText(case) if case is not None else ""
        self.ui.patientLabel.text = text
        self.ui.patientLabel.visible = bool(text)
        assessment = case.assessment() if case is not None else None
        self.ui.verdict.visible = assessment is not None
        if case is not None and assessment is not None:
            self._show("reader", self._readers(case))
            self._show("model", self._models(case, assessment))

    def _show(self, side: str, verdict: Verdict) -> None:
        category, basis = (getattr(self.ui, f"{side}{part}Label") for part in ("Category", "Decided"))
        category.text, basis.text = verdict.category, verdict.basis
        category.toolTip = basis.toolTip = verdict.explanation

    @staticmethod
    def _readers(case: CaseScene) -> Verdict:
        waiting = _("being derived") if case.review().calls() else _("no calls yet")
        return verdictOf(case.review().nCategory(), waiting)

    def _models(self, case: CaseScene, assessment: Assessment) -> Verdict:
        if self.logic.modelHidden():
            left = len(case.review().uncalled(self.logic.shownStations()))
            return Verdict(ABSENT, _("hidden until every station is called ({count} left)").format(count=left))
        found = verdictOf(assessment["staging"], "")
        notes = [found.basis, methodText(assessment), networkText(assessment["staging"])]
        notes += [_("edited since")] if case.review().stale() else []
        return Verdict(found.category, " · ".join(filter(None, notes)), found.explanation)


def patientText(case: CaseScene) -> str:
    """The patient as far as DICOM or the scene says who it is, then what the case has, and the cancer."""
    images = [name for name, node in (("CT", case.ctNode()), ("PET", case.petNode())) if node is not None]
    who = patientLine(case, getattr(slicer, "dicomDatabase", None))
    return " · ".join(filter(None, [who, " + ".join(images), cancerText(factsOf(CaseParameters(case.node)))]))


def cancerText(facts: Facts) -> str:
    """Cancer and side as they were entered; what an N category needs and lacks is said too."""
    cancers = {"lung": _("lung cancer"), "esophagus": _("esophageal cancer"), "": _("cancer not given")}
    sides = {"R": _("right"), "L": _("left"), "": _("side not given")}
    text = cancers[facts.cancer]
    return f"{text}, {sides[facts.tumorSide]}" if facts.cancer == "lung" else text


def verdictOf(staging: NStaging | None, absent: str) -> Verdict:
    """An N category and the stations that decide it; why there is none."""
    if staging is None:
        return Verdict(ABSENT, absent)
    category = staging["category"]
    if category is None:
        return Verdict(ABSENT, staging["explanation"])
    text = f"\N{GREATER-THAN OR EQUAL TO} {category}" if staging["is_lower_bound"] else category
    stations = ", ".join(staging["deciding_stations"])
    basis = _("decided by {stations}").format(stations=stations) if stations else _numberOfNodes(staging)
    return Verdict(text, basis, staging["explanation"])


def _numberOfNodes(staging: NStaging) -> str:
    return _("decided by the number of positive nodes") if staging["n_positive_nodes"] else ""


def methodText(assessment: Assessment) -> str:
    """The model package that called the stations, and where it draws the line; empty for the clinical criteria."""
    step = next((row for row in assessment["provenance"] if row["step"] == "metastasis"), None)
    if step is None or not step["model_package"]:
        return ""
    text = _("by {package} {version}").format(package=step["model_package"], version=step.get("model_version") or "")
    point = step["settings"].get("operating_point")
    text = _("{text} at {point}").format(text=text.strip(), point=point) if point else text.strip()
    return _("{text}, synthetic training").format(text=text) if step["trained_on"] == "synthetic" else text


def networkText(staging: NStaging) -> str:
    """What a network says of the N category beside the rules; empty where none was asked."""
    network = staging.get("network")
    if network is None:
        return ""
    category, carrying = network["category"], ", ".join(network["carrying_stations"])
    probability = network["probabilities"].get(category)
    shown = ABSENT if probability is None else f"{probability:.2f}"
    text = _("network {category} ({probability})").format(category=category, probability=shown)
    return _("{text}, carried by {stations}").format(text=text, stations=carrying) if carrying else text
