"""Size and the ideal observer in one synthetic cohort, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lnstation_training.synthetic.audit.observers import audit_observers
from lnstation_training.synthetic.audit.sheet import Figure
from LNStationLib.phantom.records import read_cohort_file, read_made_patients
from LNStationLib.support.errors import InputError


def cohort_observers(folder: Path) -> list[Figure]:
    """Areas under the ROC curve of size alone and of the ideal observer, by the generator's own truth.

    Args:
        folder: A synthetic cohort; a stopped run may have left it with fewer patients than wanted.

    Raises:
        InputError: It is not a synthetic cohort, or no patient is there yet.
    """
    preset = read_cohort_file(folder).key.drawn_from()
    patients = read_made_patients(folder)
    if not patients:
        raise InputError(f"{folder} has no patients yet: run the command that makes the cohort again.")
    figures = audit_observers(patients, preset)
    # Without any PET there is nothing to observe on it.
    return [each for each in figures if any(p.plan.has_pet for p in patients) or not each.name.endswith("PET")]


def observers_markdown(figures: Sequence[Figure]) -> str:
    """The figures as Markdown, a table for each section."""
    parts = []
    for section in dict.fromkeys(figure.section for figure in figures):
        rows = [f"| {each.name} | {each.value} |" for each in figures if each.section == section]
        parts.append("\n".join([f"## {section}", "", "| observer | AUC |", "| --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"
