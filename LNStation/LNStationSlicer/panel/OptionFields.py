"""A control for each option of a method, made from what the library says of the option."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ctk
import qt

from LNStationSlicer.exchange.MethodDefinitions import DEVICE_OPTION, POINT_OPTION, OptionDefinition
from LNStationSlicer.panel.Section import chooseKey, comboKey, fillCombo
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _

_MANY = 10_000
"""Upper end of a number without a limit."""
_NO_CHOICE = ""


class OptionField:
    """Shows and reads the value of an option.

    Attributes:
        widget: The control.
        changed: Emitted when the user changed the value; not by ``show``.
    """

    hasLabel = True

    def __init__(self, option: OptionDefinition) -> None:
        self.option = option
        self.changed = Signal()
        self.widget = self._make()
        self.widget.toolTip = option["description"]

    def value(self) -> Any:
        """The value as the worker takes it."""
        raise NotImplementedError

    def show(self, value: Any) -> None:
        """Show a value without a signal."""
        wasBlocked = self.widget.blockSignals(True)
        self._show(value)
        self.widget.blockSignals(wasBlocked)

    def _make(self) -> Any:
        raise NotImplementedError

    def _show(self, value: Any) -> None:
        raise NotImplementedError

    def _onChanged(self) -> None:
        self.changed.emit()


class NumberField(OptionField):
    """A number with its unit. An optional one is not set at the lower end, which its limit excludes."""

    def value(self) -> float | None:
        """None where it is not set."""
        isSet = not self.option["optional"] or self.widget.value > self.widget.minimum
        return self.widget.value if isSet else None

    def _make(self) -> Any:
        spin, option = qt.QDoubleSpinBox(), self.option
        spin.decimals = decimals(option)
        spin.singleStep = 0.1 if spin.decimals == 1 else 0.05
        lowest, highest = limits(option, 10.0**-spin.decimals)
        spin.minimum, spin.maximum = lowest, highest
        _finishSpin(spin, option)
        spin.connect("valueChanged(double)", self._onChanged)
        return spin

    def _show(self, value: float | None) -> None:
        self.widget.value = self.widget.minimum if value is None else value


class IntegerField(OptionField):
    """The same for whole numbers."""

    def value(self) -> int | None:
        """None where it is not set."""
        isSet = not self.option["optional"] or self.widget.value > self.widget.minimum
        return self.widget.value if isSet else None

    def _make(self) -> Any:
        spin = qt.QSpinBox()
        lowest, highest = limits(self.option, 1)
        spin.minimum, spin.maximum = int(lowest), int(highest)
        _finishSpin(spin, self.option)
        spin.connect("valueChanged(int)", self._onChanged)
        return spin

    def _show(self, value: int | None) -> None:
        self.widget.value = self.widget.minimum if value is None else value


class BooleanField(OptionField):
    """A check box that says its own title."""

    hasLabel = False

    def value(self) -> bool:
        """Ticked or not."""
        return bool(self.widget.checked)

    def _make(self) -> Any:
        check = qt.QCheckBox(self.option["title"])
        check.connect("toggled(bool)", self._onChanged)
        return check

    def _show(self, value: bool) -> None:
        self.widget.checked = bool(value)


class ChoiceField(OptionField):
    """One of several values."""

    def value(self) -> str | None:
        """None for the entry that chooses nothing."""
        return comboKey(self.widget) or None

    def offer(self, entries: Sequence[tuple[str, str]]) -> None:
        """Offer other values: (value, title) pairs."""
        fillCombo(self.widget, entries)

    def _make(self) -> Any:
        combo, option = narrowCombo(), self.option
        titles = option["choice_titles"]
        unset = [(_NO_CHOICE, _("not set"))] if option["optional"] else []
        fillCombo(combo, [*unset, *((name, titles.get(name, name)) for name in option["choices"] or ())])
        combo.connect("currentIndexChanged(int)", self._onChanged)
        return combo

    def _show(self, value: str | None) -> None:
        chooseKey(self.widget, value or _NO_CHOICE)


class TextField(OptionField):
    """A line of text; an empty one is not set."""

    def value(self) -> str | None:
        """None for an empty line of an optional text."""
        return self.widget.text or (None if self.option["optional"] else "")

    def _make(self) -> Any:
        line = qt.QLineEdit()
        line.connect("editingFinished()", self._onChanged)
        return line

    def _show(self, value: str | None) -> None:
        self.widget.text = value or ""


_FIELDS: dict[str, type[OptionField]] = {
    "number": NumberField,
    "integer": IntegerField,
    "boolean": BooleanField,
    "choice": ChoiceField,
    "string": TextField,
}


def makeField(option: OptionDefinition) -> OptionField:
    """The control of an option."""
    kind = ChoiceField if option["name"] in (DEVICE_OPTION, POINT_OPTION) else _FIELDS[option["type"]]
    return kind(option)


def narrowCombo() -> Any:
    """A combo box whose longest entry does not widen the panel."""
    combo = ctk.ctkComboBox()
    combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
    combo.minimumContentsLength = 8
    return combo


def decimals(option: OptionDefinition) -> int:
    """Digits after the decimal point: fractions of one need two."""
    return 2 if option.get("below", option.get("maximum", _MANY)) <= 1 else 1


def limits(option: OptionDefinition, step: float) -> tuple[float, float]:
    """Lowest and highest value of a control; an optional option's lowest stands for "not set".

    Args:
        option: The option.
        step: Smallest difference that the control shows.
    """
    lowest = option.get("minimum", option["above"] + step if "above" in option else -_MANY)
    highest = option.get("maximum", option["below"] - step if "below" in option else _MANY)
    return (lowest - step if option["optional"] else lowest), highest


def _finishSpin(spin: Any, option: OptionDefinition) -> None:
    spin.suffix = f" {option['unit']}" if option["unit"] else ""
    spin.specialValueText = _("not set") if option["optional"] else ""
