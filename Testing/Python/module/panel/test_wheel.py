"""The mouse wheel over the panel scrolls it, and changes a field only after that field was chosen."""

from __future__ import annotations

from typing import Any

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402

OPTIONS = (
    ("metastasis", "short_axis_threshold_mm"), ("metastasis", "suv_max_threshold"), ("nodes", "suv_threshold"),
)  # fmt: skip


@pytest.fixture
def unfolded(panel: PanelDriver) -> PanelDriver:
    """The panel with everything unfolded, in a window that shows a part of it."""
    for name in ("displaySection", "correctSection", "reportSection"):
        panel.open_section(name)
    panel.ui.advancedGroup.collapsed = panel.ui.expertGroup.collapsed = False
    panel.add_ct("other")
    panel.choose_ct()
    panel.assess()
    panel.loaded.window.resize(560, 500)
    slicer.app.processEvents()
    return panel


def fields(panel: PanelDriver, kind: str) -> list[Any]:
    return [field for field in panel.loaded.window.widget().findChildren(kind) if field.isVisible()]


def value(field: Any) -> Any:
    return field.currentIndex if isinstance(field, qt.QComboBox) else field.value


@pytest.mark.parametrize("kind", ["QAbstractSpinBox", "QSlider", "QComboBox"])
def test_the_wheel_over_a_field_scrolls_the_panel_and_changes_nothing(unfolded: PanelDriver, kind: str) -> None:
    found, bar = fields(unfolded, kind), unfolded.loaded.window.verticalScrollBar()
    assert found
    for field in found:
        field.clearFocus()
        bar.value = 0
        before = value(field)
        driver.turn_wheel(field, -1)
        assert value(field) == before, field.name
        assert bar.value > 0, field.name
        assert not field.focus


def test_the_wheel_changes_a_number_that_was_chosen(unfolded: PanelDriver) -> None:
    for spin in (unfolded.ui.spacingSpin, *(unfolded.field(*names) for names in OPTIONS)):
        before = spin.value
        spin.setFocus()
        driver.turn_wheel(spin, 1)
        assert spin.value > before, spin.toolTip


def test_the_wheel_over_the_text_of_a_number_is_the_same(unfolded: PanelDriver) -> None:
    spin = unfolded.field(*OPTIONS[0])
    before, (text,) = spin.value, spin.findChildren("QLineEdit")
    driver.turn_wheel(text, -1)
    assert spin.value == before
    spin.setFocus()
    driver.turn_wheel(text, -1)
    assert spin.value < before


def test_the_wheel_moves_a_slider_that_was_chosen(unfolded: PanelDriver) -> None:
    widget = unfolded.ui.foregroundOpacitySlider
    widget.enabled, widget.value = True, 0.5
    (slider,) = widget.findChildren("QSlider")
    slider.setFocus()
    driver.turn_wheel(slider, 1)
    assert widget.value > 0.5
