"""Small stand-ins: translation, and sample data that only notes what it is asked."""

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


class SampleDataLogic:
    """Notes the sources that modules register, in ``sources``, the last of each name.

    Those of a module that was loaded before would keep its code alive.
    """

    sources: ClassVar[list[dict[str, Any]]] = []

    @staticmethod
    def registerCustomSampleDataSource(category: str = "Custom", **source: Any) -> None:
        if source.get("sampleName") is None:
            raise ValueError("A sample data source needs a sampleName")
        made = {"category": category, **source}
        others = [one for one in SampleDataLogic.sources if _name(one) != _name(made)]
        SampleDataLogic.sources[:] = [*others, made]

    def logMessage(self, message: str, logLevel: int = 20) -> None:
        """Shown by the real one."""


def _name(source: dict[str, Any]) -> tuple[str, str]:
    return source["category"], source["sampleName"]


def sample_data() -> types.ModuleType:
    """``SampleData``."""
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic
    return module
