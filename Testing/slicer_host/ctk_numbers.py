"""Stand-ins for CTK's widgets of numbers: spin box, slider with spin box, range."""

from __future__ import annotations

from typing import Any

import qt

from .ctk_sections import StandIn
from .signals import OwnSignal


class ctkDoubleSpinBox(StandIn, qt.QDoubleSpinBox):
    """A spin box."""


class ctkSliderWidget(StandIn, qt.QWidget):
    """A slider and a spin box over one number."""

    valueChanged = OwnSignal("valueChanged(double)")
    valueIsChanging = OwnSignal("valueIsChanging(double)")
    STEPS = 10000

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._value, self._low, self._high, self._step = 0.0, 0.0, 100.0, 1.0
        self._tracking, self._page_step = True, 10.0
        self._slider = qt.QSlider(qt.Qt.Horizontal)
        self._slider.setRange(0, self.STEPS)
        self._box = qt.QDoubleSpinBox()
        self._box.setKeyboardTracking(False)
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._box)
        self._slider.valueChanged.connect(self._from_slider)
        self._slider.sliderReleased.connect(self._released)
        self._box.valueChanged.connect(self._from_box)
        self._show()

    @property
    def value(self) -> float:
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        value = min(max(float(value), self._low), self._high)
        changed = value != self._value
        self._value = value
        self._show()
        if changed:
            self.valueChanged.emit(value)

    def setValue(self, value: float) -> None:
        self.value = value

    @property
    def minimum(self) -> float:
        return self._low

    @minimum.setter
    def minimum(self, value: float) -> None:
        self._low = float(value)
        self._high = max(self._high, self._low)
        self.value = self._value

    @property
    def maximum(self) -> float:
        return self._high

    @maximum.setter
    def maximum(self, value: float) -> None:
        self._high = float(value)
        self._low = min(self._low, self._high)
        self.value = self._value

    def setRange(self, low: float, high: float) -> None:
        self.minimum, self.maximum = low, high

    @property
    def singleStep(self) -> float:
        return self._step

    @singleStep.setter
    def singleStep(self, value: float) -> None:
        self._step = float(value)
        self._box.singleStep = self._step
        self._show()

    @property
    def pageStep(self) -> float:
        return self._page_step

    @pageStep.setter
    def pageStep(self, value: float) -> None:
        self._page_step = float(value)

    @property
    def tracking(self) -> bool:
        return self._tracking

    @tracking.setter
    def tracking(self, value: bool) -> None:
        self._tracking = bool(value)

    @property
    def decimals(self) -> int:
        return int(self._box.decimals)

    @decimals.setter
    def decimals(self, value: int) -> None:
        self._box.decimals = value

    @property
    def suffix(self) -> str:
        return str(self._box.suffix)

    @suffix.setter
    def suffix(self, value: str) -> None:
        self._box.suffix = value

    @property
    def prefix(self) -> str:
        return str(self._box.prefix)

    @prefix.setter
    def prefix(self, value: str) -> None:
        self._box.prefix = value

    @property
    def spinBoxVisible(self) -> bool:
        return not self._box.isHidden()

    @spinBoxVisible.setter
    def spinBoxVisible(self, value: bool) -> None:
        self._box.setVisible(value)

    def _show(self) -> None:
        for part in (self._slider, self._box):
            part.blockSignals(True)
        self._box.setRange(self._low, self._high)
        self._box.value = self._value
        span = self._high - self._low
        self._slider.value = round((self._value - self._low) / span * self.STEPS) if span else 0
        self._slider.singleStep = max(1, round(self._step / span * self.STEPS)) if span else 1
        self._slider.pageStep = max(1, round(self._page_step / span * self.STEPS)) if span else 1
        for part in (self._slider, self._box):
            part.blockSignals(False)

    def _from_slider(self, position: int) -> None:
        value = self._low + (self._high - self._low) * position / self.STEPS
        value = self._low + round((value - self._low) / self._step) * self._step if self._step else value
        self.valueIsChanging.emit(value)
        if self._tracking or not self._slider.sliderDown:
            self.value = value

    def _released(self) -> None:
        self._from_slider(self._slider.value)

    def _from_box(self, value: float) -> None:
        self.value = value


class ctkRangeWidget(StandIn, qt.QWidget):
    """Two numbers, the lower and the upper end of a range."""

    valuesChanged = OwnSignal("valuesChanged(double,double)")
    minimumValueChanged = OwnSignal("minimumValueChanged(double)")
    maximumValueChanged = OwnSignal("maximumValueChanged(double)")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._low, self._high = 0.0, 99.0
        self._lower, self._upper = qt.QDoubleSpinBox(), qt.QDoubleSpinBox()
        self._bar = _RangeBar()
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._lower)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._upper)
        for box in (self._lower, self._upper):
            box.setRange(self._low, self._high)
            box.setKeyboardTracking(False)
        self._upper.value = self._high
        self._lower.valueChanged.connect(self._from_boxes)
        self._upper.valueChanged.connect(self._from_boxes)
        self._from_boxes()

    @property
    def minimum(self) -> float:
        return self._low

    @minimum.setter
    def minimum(self, value: float) -> None:
        self.setRange(value, max(value, self._high))

    @property
    def maximum(self) -> float:
        return self._high

    @maximum.setter
    def maximum(self, value: float) -> None:
        self.setRange(min(value, self._low), value)

    def setRange(self, low: float, high: float) -> None:
        self._low, self._high = float(low), float(high)
        for box in (self._lower, self._upper):
            box.setRange(self._low, self._high)
        self._from_boxes()

    @property
    def minimumValue(self) -> float:
        return float(self._lower.value)

    @minimumValue.setter
    def minimumValue(self, value: float) -> None:
        self.setValues(value, self.maximumValue)

    @property
    def maximumValue(self) -> float:
        return float(self._upper.value)

    @maximumValue.setter
    def maximumValue(self, value: float) -> None:
        self.setValues(self.minimumValue, value)

    def setValues(self, lower: float, upper: float) -> None:
        before = (self.minimumValue, self.maximumValue)
        for box, value in ((self._lower, lower), (self._upper, upper)):
            box.blockSignals(True)
            box.value = value
            box.blockSignals(False)
        if before != (self.minimumValue, self.maximumValue):
            self._from_boxes()

    @property
    def singleStep(self) -> float:
        return float(self._lower.singleStep)

    @singleStep.setter
    def singleStep(self, value: float) -> None:
        self._lower.singleStep = self._upper.singleStep = value

    @property
    def decimals(self) -> int:
        return int(self._lower.decimals)

    @decimals.setter
    def decimals(self, value: int) -> None:
        self._lower.decimals = self._upper.decimals = value

    @property
    def suffix(self) -> str:
        return str(self._lower.suffix)

    @suffix.setter
    def suffix(self, value: str) -> None:
        self._lower.suffix = self._upper.suffix = value

    def _from_boxes(self) -> None:
        span = self._high - self._low or 1.0
        self._bar.show_range((self.minimumValue - self._low) / span, (self.maximumValue - self._low) / span)
        self.minimumValueChanged.emit(self.minimumValue)
        self.maximumValueChanged.emit(self.maximumValue)
        self.valuesChanged.emit(self.minimumValue, self.maximumValue)


class _RangeBar(StandIn, qt.QWidget):
    """Draws a groove with two handles."""

    def __init__(self) -> None:
        super().__init__()
        self._ends = (0.0, 1.0)
        self.setMinimumSize(60, 20)

    def show_range(self, lower: float, upper: float) -> None:
        self._ends = (lower, upper)
        self.update()

    def paintEvent(self, event: Any) -> None:
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.Antialiasing)
        room, middle = self.width - 16, self.height / 2
        lower, upper = (8 + end * room for end in self._ends)
        colors = self.palette
        painter.setPen(qt.Qt.NoPen)
        painter.setBrush(colors.color(qt.QPalette.Mid))
        painter.drawRoundedRect(qt.QRectF(8, middle - 2, room, 4), 2, 2)
        painter.setBrush(colors.color(qt.QPalette.Highlight))
        painter.drawRect(qt.QRectF(lower, middle - 2, upper - lower, 4))
        painter.setPen(colors.color(qt.QPalette.Dark))
        painter.setBrush(colors.color(qt.QPalette.Button))
        for end in (lower, upper):
            painter.drawRoundedRect(qt.QRectF(end - 5, middle - 8, 10, 16), 2, 2)
        painter.end()
