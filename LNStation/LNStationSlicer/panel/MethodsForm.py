"""The part of section "Assess" that chooses methods and options: made from what the worker tells of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import qt

from LNStationSlicer.case.CaseSettings import methodIn, valueIn
from LNStationSlicer.exchange.MethodDefinitions import (
    DEVICE_OPTION,
    MODEL_OPTION,
    POINT_OPTION,
    SharedOption,
    StepDefinition,
    accepts,
    firstMethod,
    mayRun,
    sharedOptions,
    usesPackages,
)
from LNStationSlicer.Logic import Logic
from LNStationSlicer.panel.OptionFields import ChoiceField, OptionField, makeField, narrowCombo
from LNStationSlicer.panel.Section import Section, chooseKey, comboKey, fillCombo
from LNStationSlicer.panel.WheelGuard import WheelGuard, guardField
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.ModelCard import ModelCard

_AUTOMATIC = ""
_ABOVE = 1
"""Row of the device, above all others."""
_WIDEST_LABEL = 130
"""Pixels; longer titles take two lines, and the form fits a dock of 480."""


@dataclass
class _Row:
    """The control of an option and what belongs to it in the form."""

    shared: SharedOption
    field: OptionField
    label: Any | None


class MethodsForm(Section):
    """Shows and changes methods and options of the current case.

    A model package and its method are chosen elsewhere (``ModelPickers``), and so is the device.
    """

    def __init__(self, ui: Any, logic: Logic, cardOf: Callable[[str], ModelCard | None]) -> None:
        """Take what else must be known.

        Args:
            ui: The widgets of the panel by name.
            logic: Knows the case and the methods.
            cardOf: The model package that is chosen for a step; None where there is none.
        """
        self._cardOf = cardOf
        super().__init__(ui, logic)

    def setUp(self) -> None:
        """Make the controls of what is known now."""
        self._guard = WheelGuard()
        self._combos: dict[str, Any] = {}
        self._rows: list[_Row] = []
        self._widgets: list[tuple[Any, Any]] = []
        self._defaultSpacingMm = self.ui.spacingSpin.value
        self.ui.spacingSpin.connect("valueChanged(double)", self._onSpacing)
        self.logic.methods.changed.connect(self._onMethods)
        self._build()

    def cleanup(self) -> None:
        """Hear of no more methods."""
        self.logic.methods.changed.disconnect(self._onMethods)

    def combo(self, step: str) -> Any:
        """The control of a step's method."""
        return self._combos[step]

    def field(self, step: str, option: str, method: str | None = None) -> OptionField:
        """The control of an option, of a certain method where several have one of that name.

        Raises:
            KeyError: There is none.
        """
        for row in self._rows:
            shared = row.shared
            if (shared.step, shared.option["name"]) == (step, option) and method in (None, *shared.methods):
                return row.field
        raise KeyError(f"{step}.{method or '*'}.{option}")

    def refresh(self) -> None:
        """Show methods and values, and only the options of methods that may run."""
        settings = self.logic.caseSettings()
        with self.refreshing():
            for step, combo in self._combos.items():
                combo.enabled = settings is not None
                chooseKey(combo, (settings.method(step) if settings else None) or self._default(step))
                # The entry may be longer than the combo box.
                combo.toolTip = combo.currentText
            kept = settings.asDict() if settings is not None else None
            for row in self._rows:
                self._refreshRow(row, kept)
            self.ui.spacingSpin.enabled = settings is not None
            self.ui.spacingSpin.value = settings.workingSpacingMm if settings else self._defaultSpacingMm

    def _refreshRow(self, row: _Row, kept: dict[str, Any] | None) -> None:
        shared = row.shared
        chosen = methodIn(kept, shared.step) if kept is not None else None
        running = {method["name"] for method in mayRun(self._step(shared.step), chosen)}
        isShown = bool(running & set(shared.methods))
        for widget in (row.field.widget, row.label):
            if widget is not None:
                widget.visible = isShown
        points = self._offerPoints(row) if shared.option["name"] == POINT_OPTION else True
        row.field.widget.enabled = kept is not None and bool(points)
        row.field.show(_shownValue(kept, shared))

    def _offerPoints(self, row: _Row) -> list[tuple[str, str]]:
        """The operating points of the chosen package; the first is its default."""
        card = self._cardOf(row.shared.step)
        points = card.get("operating_points", []) if card else []
        entries = [(point["name"], f"{point['name']} ({point['threshold']:.2f})") for point in points]
        if isinstance(row.field, ChoiceField):
            row.field.offer(entries)
        return entries

    # Making the controls

    def _onMethods(self) -> None:
        self._clear()
        self._build()
        self.refresh()

    def _clear(self) -> None:
        for layout, widget in reversed(self._widgets):
            layout.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._widgets, self._combos, self._rows = [], {}, []

    def _build(self) -> None:
        usual, expert = self.ui.advancedLayout, self.ui.expertLayout
        places = {"usual": (usual, _ABOVE), "expert": (expert, 0)}
        for step in self.logic.methods.steps:
            if len(step["methods"]) > 1 and not usesPackages(step):
                places["usual"] = (usual, self._addCombo(usual, places["usual"][1], step))
            for shared in _shownOptions(step):
                layout, row = places[shared.option["width"]]
                places[shared.option["width"]] = (layout, self._addOption(layout, row, shared))

    def _addCombo(self, layout: Any, row: int, step: StepDefinition) -> int:
        combo = narrowCombo()
        fillCombo(combo, _methodEntries(step))
        combo.connect("currentIndexChanged(int)", partial(self._onMethod, step["step"]))
        self._combos[step["step"]] = combo
        self._insert(layout, row, combo, qt.QLabel(f"{stepTitle(step['step'])}:"))
        return row + 1

    def _addOption(self, layout: Any, row: int, shared: SharedOption) -> int:
        field = makeField(shared.option)
        label = self._label(shared) if field.hasLabel else None
        self._insert(layout, row, field.widget, label)
        made = _Row(shared, field, label)
        field.changed.connect(partial(self._onOption, made))
        self._rows.append(made)
        return row + 1

    def _label(self, shared: SharedOption) -> Any:
        """The option's title, after its step's where another step has one of that title."""
        title, steps = shared.option["title"], self.logic.methods.steps
        same = {step["step"] for step in steps for one in _shownOptions(step) if one.option["title"] == title}
        named = _("{step}, {title}").format(step=stepTitle(shared.step), title=title)
        label = qt.QLabel(f"{title if same == {shared.step} else named}:")
        label.wordWrap = True
        # A form gives a label of several lines the height that it has at another width, and cuts it off.
        label.setFixedWidth(_WIDEST_LABEL)
        label.setMinimumHeight(label.heightForWidth(_WIDEST_LABEL))
        return label

    def _insert(self, layout: Any, row: int, widget: Any, label: Any | None) -> None:
        if label is None:
            layout.insertRow(row, widget)
        else:
            layout.insertRow(row, label, widget)
            self._widgets.append((layout, label))
        self._widgets.append((layout, widget))
        guardField(self._guard, widget)

    # Choosing

    def _onMethod(self, step: str, _index: int) -> None:
        settings = self.logic.caseSettings()
        if not self.isRefreshing and settings is not None:
            settings.setMethod(step, comboKey(self._combos[step]) or None)
            self.refresh()

    def _onOption(self, row: _Row) -> None:
        settings, shared = self.logic.caseSettings(), row.shared
        if not self.isRefreshing and settings is not None:
            settings.setValue(shared.step, shared.methods, shared.option["name"], row.field.value())

    def _onSpacing(self, spacingMm: float) -> None:
        settings = self.logic.caseSettings()
        if not self.isRefreshing and settings is not None:
            settings.workingSpacingMm = spacingMm

    def _step(self, name: str) -> StepDefinition:
        return next(step for step in self.logic.methods.steps if step["step"] == name)

    def _default(self, step: str) -> str:
        return firstMethod(self._step(step)) or _AUTOMATIC


def stepTitle(step: str) -> str:
    """A step's name for people."""
    return step.replace("_", " ").capitalize()


def _shownValue(settings: dict[str, Any] | None, shared: SharedOption) -> Any:
    """The value of the first method that has one; else the default."""
    value = shared.option["default"]
    if settings is not None:
        for method in reversed(shared.methods):
            kept = valueIn(settings, shared.step, method, shared.option["name"], value)
            value = kept if accepts(shared.option, kept) else value
    return value


def _shownOptions(step: StepDefinition) -> Iterator[SharedOption]:
    """Those that this form shows."""
    return (one for one in sharedOptions(step) if one.option["name"] not in (MODEL_OPTION, DEVICE_OPTION))


def _methodEntries(step: StepDefinition) -> list[tuple[str, str]]:
    """The automatic choice, where it depends on the case, and the methods."""
    entries = [(method["name"], method["title"]) for method in step["methods"]]
    if firstMethod(step) is not None:
        return entries
    titles = _(", else ").join(method["title"] for method in mayRun(step, None))
    return [(_AUTOMATIC, _("automatic ({order})").format(order=titles)), *entries]
