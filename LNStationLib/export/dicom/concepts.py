"""Coded concepts of the objects: from the standard's own tables by name, else from the project's tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from LNStationLib import anatomy
from LNStationLib.state.assessment import Call
from LNStationLib.support.resources import resource_path

ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
"""Category of stations and nodes, as in ``Resources/Terminology``."""
LYMPH_NODE = codes.SCT.LymphNode
METASTASIS = codes.SCT.Metastasis
CALLS: Mapping[Call | None, Code] = {
    "positive": codes.SCT.Positive,
    "negative": codes.SCT.Negative,
    None: codes.SCT.NotEvaluated,
}
"""Values of :data:`METASTASIS`, by call."""
COMMENT = codes.DCM.Comment


def coded(code: anatomy.Code | Code) -> CodedConcept:
    """A code of the anatomy tables, or of the standard's, as content items take it."""
    scheme = code.scheme if isinstance(code, anatomy.Code) else code.scheme_designator
    return CodedConcept(code.value, scheme, code.meaning)


def report_concept(name: str) -> CodedConcept:
    """A concept of reports that no public terminology has, by its name in ``report_concepts.json``.

    Raises:
        KeyError: There is none.
    """
    entry = _report_concepts()[name]
    return CodedConcept(entry["value"], anatomy.PRIVATE_SCHEME, entry["meaning"])


def n_category_concept(category: str | None) -> CodedConcept:
    """The value of an N category, e.g. of ``"N2b"``; that of NX for ``None``.

    Raises:
        KeyError: No rule set gives such a category.
    """
    return report_concept(category or "NX")


@cache
def _report_concepts() -> Any:
    return json.loads(resource_path("Terminology", "report_concepts.json").read_text(encoding="utf-8"))["concepts"]
