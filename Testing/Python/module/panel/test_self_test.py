"""Slicer's own self test, in the headless host and with the real worker."""

from __future__ import annotations

import importlib

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.panel_driver import MODULE, use_worker  # noqa: E402
from module.workers import coarse_worker  # noqa: E402
from slicer_host import driver  # noqa: E402

SPACING_MM = 3.5
"""Of the working grid: the steps are the same, and each takes a third of the time."""


def test_the_self_test_passes_from_sample_patient_to_reloaded_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    slicer_host.clear_scene()
    slicer_host.take_messages(), slicer_host.take_slot_errors()
    with slicer_host.load_module(MODULE) as loaded:
        use_worker(loaded, coarse_worker)
        loaded.show(560, 1200)
        self_test = importlib.import_module("LNStationSlicer.panel.SelfTest")
        monkeypatch.setattr(self_test, "_SPACING_MM", SPACING_MM)
        # Here there is a keyboard.
        monkeypatch.setattr(self_test, "press", lambda panel, keys, focus: driver.press_keys(focus, keys))
        loaded.run_self_test()
        assert [text for kind, text in slicer_host.take_messages() if kind == "error"] == []
    assert driver.child_processes() == []
    assert slicer_host.take_slot_errors() == []


def test_the_self_test_would_notice_a_worker_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    slicer_host.clear_scene()
    with slicer_host.load_module(MODULE) as loaded:

        def nobody(*arguments: str) -> None:
            raise OSError("nobody there")

        use_worker(loaded, nobody)
        loaded.show(560, 1200)
        self_test = importlib.import_module("LNStationSlicer.panel.SelfTest")
        monkeypatch.setattr(self_test, "_PATIENCE_S", 0.5)
        with pytest.raises(AssertionError, match="nobody there"):
            loaded.run_self_test()
    slicer_host.take_messages(), slicer_host.take_slot_errors()
