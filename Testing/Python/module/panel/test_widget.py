"""What the whole panel says of the patient and the models."""

from __future__ import annotations

from pathlib import Path

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.mrml_cases import make_assessment  # noqa: E402
from module.panel_driver import PanelDriver, opened_panel  # noqa: E402


def test_a_model_trained_on_synthetic_patients_is_marked(tmp_path: Path) -> None:
    assessment = make_assessment()
    assessment["case"]["synthetic"] = False
    step = {
        "step": "metastasis", "implementation": "network", "version": "1", "seconds": 1.0, "settings": {},
        "model_package": "demo", "trained_on": "synthetic", "references": [], "warnings": [],
    }  # fmt: skip
    assessment["provenance"] = [step]
    with opened_panel(tmp_path, assessment=assessment) as panel:
        panel.choose_ct()
        assert not panel.ui.syntheticBanner.isVisible()
        panel.assess()
        assert panel.ui.syntheticBanner.isVisible()
        assert "trained on synthetic" in panel.ui.syntheticBanner.text


def test_research_use_is_said_in_the_panel_and_in_the_help(panel: PanelDriver) -> None:
    assert "Research use only" in panel.ui.researchLabel.text
    assert "Research use only" in panel.loaded.parent.helpText


def test_a_category_that_no_station_decides_is_decided_by_the_number_of_nodes(tmp_path: Path) -> None:
    assessment = make_assessment()
    assessment["staging"] |= {"deciding_stations": [], "n_positive_nodes": 3}
    with opened_panel(tmp_path, assessment=assessment) as panel:
        panel.assessed()
        assert panel.ui.modelDecidedLabel.text.startswith("decided by the number of positive nodes")
