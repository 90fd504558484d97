"""Make Slicer's terminology file, ``Resources/Terminology/LNStation.term.json``, from the tables of the anatomy.

    python -m Testing.Tools.terminology

Run it after a change of a station's code, side or color; a test holds the file equal to what it would write.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from LNStationLib import anatomy
from LNStationLib.anatomy import Code

FILE = Path(__file__).resolve().parents[2] / "Resources" / "Terminology" / "LNStation.term.json"
CONTEXT = "LNStation lymph node stations"
_SCHEMA = "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/schemas/segment-context-schema.json#"
_STRUCTURE, _LYMPH_NODE = Code("123037004", "SCT", "Anatomical Structure"), Code("59441001", "SCT", "Lymph node")
_LYMPH_NODE_COLOR = [68, 172, 100]
"""As in Slicer's general anatomy terminology."""


def terminology() -> dict[str, Any]:
    """The content of the file (schema of dcmqi, segment context): each station with its sides, and the lymph node."""
    types: dict[Code, dict[str, Any]] = {}
    for row in anatomy.stations():
        entry = types.setdefault(row.code, {**_code(row.code), "recommendedDisplayRGBValue": list(row.color)})
        if row.side:
            modifier = {**_code(anatomy.side_code(row.side)), "recommendedDisplayRGBValue": list(row.color)}
            entry.setdefault("Modifier", []).append(modifier)
    node = {**_code(_LYMPH_NODE), "recommendedDisplayRGBValue": _LYMPH_NODE_COLOR}
    category = {**_code(_STRUCTURE), "showAnatomy": "true", "Type": [*types.values(), node]}
    return {
        "SegmentationCategoryTypeContextName": CONTEXT,
        "@schema": _SCHEMA,
        "SegmentationCodes": {"Category": [category]},
    }


def _code(code: Code) -> dict[str, Any]:
    return {"CodingSchemeDesignator": code.scheme, "CodeValue": code.value, "CodeMeaning": code.meaning}


def main() -> None:
    """Write the file."""
    FILE.write_text(json.dumps(terminology(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
