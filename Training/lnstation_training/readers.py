"""How far the status of stations can be read in a synthetic cohort at all: the bound that no network can pass."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from lnstation_training.synthetic_cohort import COHORT_FILE, read_truth
from LNStationLib.phantom.audit_readers import audit_readers
from LNStationLib.phantom.audit_sheet import Figure
from LNStationLib.phantom.preset import Preset, load_preset
from LNStationLib.phantom.preset_change import PresetChange
from LNStationLib.support.errors import InputError


def cohort_readers(folder: Path) -> list[Figure]:
    """Areas under the ROC curve of size alone and of the best reader there can be, by the generator's own truth.

    Args:
        folder: Written by ``make_synthetic_cohort``; a kill may have left it with fewer patients than wanted.

    Raises:
        InputError: It is no such cohort, or no patient is there yet.
    """
    preset = _preset(folder)
    patients = read_truth(folder) if (folder / "truth").is_dir() else []
    if not patients:
        raise InputError(f"{folder} has no patients yet: run the command that makes the cohort again.")
    figures = audit_readers(patients, preset)
    # CT alone: nobody can read a PET that is not there.
    return [each for each in figures if any(p.plan.has_pet for p in patients) or not each.name.endswith("PET")]


def _preset(folder: Path) -> Preset:
    """What the cohort's patients were drawn from."""
    path = folder / COHORT_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return PresetChange.model_validate(content["change"]).applied(load_preset(content["preset"]))
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise InputError(
            f"{folder} is no cohort made by run.py train cohort: its {COHORT_FILE} does not say so."
        ) from error


def readers_markdown(figures: Sequence[Figure]) -> str:
    """The figures as Markdown, a table for each section."""
    parts = []
    for section in dict.fromkeys(figure.section for figure in figures):
        rows = [f"| {each.name} | {each.value} |" for each in figures if each.section == section]
        parts.append("\n".join([f"## {section}", "", "| reader | AUC |", "| --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"
