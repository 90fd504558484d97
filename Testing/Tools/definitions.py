"""Make what the Slicer module shows of methods and columns before its worker runs: ``Resources/Definitions``.

    python -m Testing.Tools.definitions

Run it after a change of a method, an option or a column; a test holds the files equal to what it would write.
"""

from __future__ import annotations

import json
from pathlib import Path

from LNStationLib.assessment.methods import described
from LNStationLib.export.columns import plain_columns

FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "Definitions"


def files() -> dict[str, str]:
    """The text of each file by its name: the worker's answers to ``methods`` and ``columns``."""
    answers = {"methods.json": {"steps": described()}, "columns.json": plain_columns()}
    return {name: json.dumps(answer, indent=1, ensure_ascii=False) + "\n" for name, answer in answers.items()}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
