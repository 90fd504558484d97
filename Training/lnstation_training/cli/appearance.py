"""The command that draws examples of what a network is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lnstation_training.cli.show import say
from LNStationLib.support.errors import InputError
from LNStationLib.support.sentences import on_one_line


def show_augmentation(
    folder: Annotated[Path, typer.Argument(help="Prepared volumes, as of train cohort --for organs.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    count: Annotated[int, typer.Option(help="Patients drawn.")] = 12,
    only: Annotated[str, typer.Option(help="Changes that are made, with commas, each of them always.")] = "",
    settings: Annotated[Path | None, typer.Option(help="YAML file of fit; its data.appearance counts.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
) -> None:
    """Draw synthetic patients as training shows them: two windows, a coronal slice, the organs.

    Look at the sheet before you train: would a radiologist take most of them for CTs?
    """
    from lnstation_training.segmentation.appearance.sheet import draw_sheet
    from lnstation_training.segmentation.folder import existing_samples
    from lnstation_training.segmentation.patients import open_patient

    samples = existing_samples(folder)[:count]
    if not samples or count < 1:
        raise InputError(f"{folder} has no patients: run train cohort --for organs first.")
    names = [name.strip() for name in only.split(",") if name.strip()] or None
    patients = [open_patient(sample.path) for sample in samples]
    out.parent.mkdir(parents=True, exist_ok=True)
    say(f"Written: {draw_sheet(out, patients, count, _appearance(settings), names, seed)}")


def _appearance(path: Path | None) -> dict[str, dict[str, float]] | None:
    """``data.appearance`` of a file of settings."""
    import yaml

    if path is None:
        return None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read as YAML: {on_one_line(error)}.") from error
    found: dict[str, dict[str, float]] | None = content.get("data", {}).get("appearance")
    return found
