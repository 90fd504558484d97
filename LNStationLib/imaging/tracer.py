"""The tracer of a PET, by its headers: thresholds and networks here are of FDG."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydicom.dataset import Dataset

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.support.resources import resource_path

FDG = "fdg"
OTHER = "other"
"""A tracer that the table does not know."""


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    """Rows of ``Resources/Dicom/tracers.json`` by name."""
    rows = json.loads(resource_path("Dicom", "tracers.json").read_text(encoding="utf-8"))["tracers"]
    return {row["name"]: row for row in rows}


def tracer_names() -> tuple[str, ...]:
    """Names of the tracers that are told apart."""
    return (*_table(), OTHER)


def tracer_title(name: str) -> str:
    """A tracer for people; what the header calls it is not told, for people write anything there."""
    row = _table().get(name)
    return "not one of the known ones" if row is None else row["title"]


def tracer_of(said: str) -> str | None:
    """Name of the tracer that words and codes of a header mean.

    Returns:
        Of the table, ``"other"`` for one that it does not know, ``None`` where nothing is said.
    """
    if not said.strip():
        return None
    found = (name for name, row in _table().items() if re.search(row["words"], said, re.IGNORECASE))
    return next(found, OTHER)


def said_of_tracer(header: Dataset) -> str:
    """Name and code of the radiopharmaceutical, as far as a header gives them."""
    items: Sequence[Any] = dcm.value(header, "RadiopharmaceuticalInformationSequence") or ()
    said = []
    for item in items:
        said.append(dcm.text(item, "Radiopharmaceutical"))
        for code in dcm.value(item, "RadiopharmaceuticalCodeSequence") or ():
            said += [dcm.text(code, "CodeValue"), dcm.text(code, "CodeMeaning")]
    return " ".join(word for word in said if word)
