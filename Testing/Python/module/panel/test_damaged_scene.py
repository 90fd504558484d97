"""A scene with damaged texts in the panel: what was left out is said once, and the case can be read on."""

from __future__ import annotations

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.panel_driver import PanelDriver  # noqa: E402


def boxes() -> list[str]:
    """Texts of the warnings since the last look."""
    slicer.app.processEvents()
    return [text for level, text in slicer_host.take_messages() if level == "warning"]


def test_what_cannot_be_read_is_said_once_and_the_case_goes_on(panel: PanelDriver) -> None:
    panel.assessed()
    case = panel.logic.case
    case.reviewNode().SetText('{"calls": {"4R": ')
    case.node.SetParameter("settings", "[]")
    panel.widget.refresh()
    (text,) = boxes()
    assert text.count("A part of the scene is damaged and was left out") == 2
    assert panel.ui.statusLabel.text == text
    panel.call("4R", "positive")
    panel.idle()
    assert case.review().calls() == {"4R": "positive"}
    assert boxes() == []
    kept = {node.GetText() for node in slicer.util.getNodesByClass("vtkMRMLTextNode")}
    assert kept >= {'{"calls": {"4R": ', "[]"}
