"""Small stand-ins: translation, package installation and sample data. The last two only note what they are asked."""

from __future__ import annotations

import types
from typing import Any, ClassVar


def i18n() -> types.ModuleType:
    """``slicer.i18n``: texts stay as they are."""
    module = types.ModuleType("slicer.i18n")

    def translate(context: str, text: str, *_: Any) -> str:
        return text

    def tr(text: str, *_: Any) -> str:
        return text

    module.translate = translate
    module.tr = tr
    return module


def packaging() -> types.ModuleType:
    """``slicer.packaging`` (Slicer 5.12): calls go to its list ``calls``, nothing is installed."""
    module = types.ModuleType("slicer.packaging")
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    module.calls = calls
    for name in ("pip_install", "pip_uninstall", "pip_ensure"):
        setattr(module, name, _note(calls, name))
    module.pip_check = lambda requirements: True
    module.load_requirements = _load_requirements
    return module


def _note(calls: list[Any], name: str) -> Any:
    def noted(*arguments: Any, **keywords: Any) -> None:
        calls.append((name, arguments, keywords))

    return noted


def _load_requirements(path: Any) -> list[str]:
    with open(path, encoding="utf-8") as file:
        lines = (line.strip() for line in file)
        return [line for line in lines if line and not line.startswith("#")]


class SampleDataLogic:
    """Notes the sources that modules register, in ``sources``."""

    sources: ClassVar[list[dict[str, Any]]] = []

    @staticmethod
    def registerCustomSampleDataSource(category: str = "Custom", **source: Any) -> None:
        if source.get("sampleName") is None:
            raise ValueError("A sample data source needs a sampleName")
        SampleDataLogic.sources.append({"category": category, **source})

    def logMessage(self, message: str, logLevel: int = 20) -> None:
        """Shown by the real one."""


def sample_data() -> types.ModuleType:
    """``SampleData``."""
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic
    return module
