"""The settings of a case: for each step a method, and options by method (``LNStationLib.state.settings`` reads them).

They are one JSON in the case's parameter node. What is not in it has the default of the library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypedDict

import slicer

from LNStationLib.state.flat_settings import nested
from LNStationSlicer.case.SceneTexts import ASSESSED_SETTINGS, PACKAGES, SETTINGS
from LNStationSlicer.exchange.MethodDefinitions import (
    DEVICE_OPTION,
    MODEL_OPTION,
    MethodDefinition,
    Steps,
    accepts,
    mayRun,
)

_SPACING = "working_spacing_mm"
_DEFAULT_SPACING_MM = 1.5
"""As ``LNStationLib.state.settings.Settings``; a test compares them."""
_FORMER = {
    "rules": "rules",
    "nodeSource": "nodes",
    "shortAxisThresholdMm": "short_axis_threshold_mm",
    "suvMaxThreshold": "suv_max_threshold",
    "nodeSuvThreshold": "node_suv_threshold",
    "workingSpacingMm": _SPACING,
    "metastasis": "metastasis",
    "modelPath": "model",
    "operatingPoint": "operating_point",
    "flipAveraging": "flip_averaging",
}
"""Parameters of scenes of before 0.2, and what the settings of that time called them."""
_NUMBERS = ("Mm", "Threshold")


class Package(TypedDict):
    """A model package that was chosen: by its id it is found where it lies elsewhere; the title is for people."""

    path: str
    id: str
    title: str


class CaseSettings:
    """Reads and changes the settings of one case."""

    def __init__(self, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        self._node = node

    def asDict(self) -> dict[str, Any]:
        """All of them; those of a scene of before 0.2 in their places of today."""
        kept: dict[str, Any] = SETTINGS.read(self._node) or nested(self._former())
        return kept

    def method(self, step: str) -> str | None:
        """As ``methodIn``."""
        return methodIn(self.asDict(), step)

    def setMethod(self, step: str, method: str | None) -> None:
        """Choose a method."""
        settings = self.asDict()
        settings[step] = {**settings.get(step, {}), "method": method}
        self._keep(settings)

    def value(self, step: str, method: str, option: str, default: Any = None) -> Any:
        """As ``valueIn``."""
        return valueIn(self.asDict(), step, method, option, default)

    def setValue(self, step: str, methods: Iterable[str], option: str, value: Any) -> None:
        """Set an option for methods that share it."""
        settings = self.asDict()
        options = settings.setdefault(step, {}).setdefault("options", {})
        for method in methods:
            options.setdefault(method, {})[option] = value
        self._keep(settings)

    @property
    def workingSpacingMm(self) -> float:
        """Voxel edge of the grid on which organs and stations are found."""
        return float(self.asDict().get(_SPACING, _DEFAULT_SPACING_MM))

    @workingSpacingMm.setter
    def workingSpacingMm(self, spacingMm: float) -> None:
        self._keep({**self.asDict(), _SPACING: spacingMm})

    # Model packages

    def package(self, step: str, method: str) -> Package:
        """The package that a method is to use; empty strings where none was chosen."""
        path = self.value(step, method, MODEL_OPTION) or ""
        kept = self._packages().get(step, {}).get(method) or {}
        return {"path": path, "id": kept.get("id", ""), "title": kept.get("title", "")}

    def setPackage(self, step: str, method: str, package: Package) -> None:
        """Choose a package."""
        packages = self._packages()
        packages.setdefault(step, {})[method] = {"id": package["id"], "title": package["title"]}
        PACKAGES.write(self._node, packages)
        self.setValue(step, [method], MODEL_OPTION, package["path"] or package["id"] or None)

    def _packages(self) -> dict[str, Any]:
        kept: dict[str, Any] | None = PACKAGES.read(self._node)
        if kept is not None:
            return kept
        former = {key: self._parameter(name) for key, name in (("id", "modelId"), ("title", "modelTitle"))}
        places = _packageMethods(nested({"model": former["id"]})) if former["id"] else ()
        return {step: {method: former} for step, method in places}

    # The worker

    def forWorker(self, steps: Steps, device: str) -> dict[str, Any]:
        """The settings of an assessment, with the device for the methods that may run on one.

        Values that an option cannot have are left out: the default holds, which the panel shows in their place.
        """
        settings = self.asDict()
        for step in steps:
            for method in step["methods"]:
                _leaveOut(settings.get(step["step"], {}).get("options", {}).get(method["name"], {}), method)
            for method in mayRun(step, self.method(step["step"])):
                if any(option["name"] == DEVICE_OPTION for option in method["options"]):
                    options = settings.setdefault(step["step"], {}).setdefault("options", {})
                    options.setdefault(method["name"], {})[DEVICE_OPTION] = device
        return settings

    def rememberAssessed(self, sent: dict[str, Any]) -> None:
        """Keep the settings that an assessment was made with, for ``forRestoring``."""
        kept = {"settings": sent, "packages": self._packages()}
        ASSESSED_SETTINGS.write(self._node, kept)

    def forRestoring(self) -> dict[str, Any] | None:
        """The settings of the last assessment, with the places where its packages lie now.

        None where nothing is remembered, no package was used, or one is not where it was: the worker then looks for
        its id and says so where there is none.
        """
        kept = ASSESSED_SETTINGS.read(self._node) or {}
        sent = nested(kept.get("settings", {}))
        used = [(step, method) for step, method in _packageMethods(sent) if sent[step].get("method") == method]
        for step, method in used:
            options = sent[step]["options"][method]
            options[MODEL_OPTION] = self._placeNow(step, method, options[MODEL_OPTION], _idOf(kept, step, method))
            if options[MODEL_OPTION] is None:
                return None
        return sent if used else None

    def _placeNow(self, step: str, method: str, path: str, packageId: str) -> str | None:
        """Chosen again, by hand or by its id, after the scene came to this computer."""
        now = self.package(step, method)
        places = [path, now["path"] if now["id"] == packageId else ""]
        return next((place for place in places if place and Path(place).exists()), None)

    def _keep(self, settings: dict[str, Any]) -> None:
        SETTINGS.write(self._node, settings)

    def _parameter(self, name: str) -> str:
        return str(self._node.GetParameter(name) or "").strip()

    def _former(self) -> dict[str, Any]:
        texts = {name: text for name in _FORMER if (text := self._parameter(name))}
        found = {_FORMER[name]: _formerValue(name, text) for name, text in texts.items()}
        return {setting: value for setting, value in found.items() if value != ""}


def methodIn(settings: dict[str, Any], step: str) -> str | None:
    """The method of a step that settings choose; None: the first that the case can serve."""
    chosen: str | None = settings.get(step, {}).get("method")
    return chosen


def valueIn(settings: dict[str, Any], step: str, method: str, option: str, default: Any = None) -> Any:
    """The value that settings give an option; ``default`` where they give none."""
    return settings.get(step, {}).get("options", {}).get(method, {}).get(option, default)


def _leaveOut(values: dict[str, Any], method: MethodDefinition) -> None:
    """Take values away that the options of a method cannot have."""
    for option in method["options"]:
        if option["name"] in values and not accepts(option, values[option["name"]]):
            del values[option["name"]]


def _formerValue(name: str, text: str) -> str | float | bool:
    if text and name.endswith(_NUMBERS):
        return _number(text)
    return text == "True" if text in ("True", "False") else text


def _number(text: str) -> float | str:
    """Empty where it is none."""
    try:
        return float(text)
    except ValueError:
        return ""


def _packageMethods(settings: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Steps and methods that have a package in these settings."""
    for step, chosen in settings.items():
        options = chosen.get("options", {}) if isinstance(chosen, dict) else {}
        yield from ((step, method) for method, values in options.items() if values.get(MODEL_OPTION))


def _idOf(kept: dict[str, Any], step: str, method: str) -> str:
    """The id of a package of ``rememberAssessed``; scenes of before 0.2 kept one for the whole case."""
    ofMethod = kept.get("packages", {}).get(step, {}).get(method, {})
    return str(kept.get("model_id", ofMethod.get("id", "")))
