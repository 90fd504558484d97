"""What the whole panel says of the patient and the models."""

from __future__ import annotations

from pathlib import Path

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.mrml_cases import make_assessment  # noqa: E402
from module.panel_hand import Hand, panel  # noqa: E402


def test_a_model_trained_on_synthetic_patients_is_marked(tmp_path: Path) -> None:
    assessment = make_assessment()
    assessment["case"]["synthetic"] = False
    step = {
        "step": "metastasis", "implementation": "network", "version": "1", "seconds": 1.0, "settings": {},
        "model_package": "demo", "trained_on": "synthetic", "references": [], "warnings": [],
    }  # fmt: skip
    assessment["provenance"] = [step]
    with panel(tmp_path, assessment=assessment) as hand:
        hand.choose_ct()
        assert not hand.ui.syntheticBanner.isVisible()
        hand.assess()
        assert hand.ui.syntheticBanner.isVisible()
        assert "trained on synthetic" in hand.ui.syntheticBanner.text


def test_research_use_is_said_in_the_panel_and_in_the_help(hand: Hand) -> None:
    assert "Research use only" in hand.ui.researchLabel.text
    assert "Research use only" in hand.loaded.parent.helpText
