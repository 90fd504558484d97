"""The command that gives prepared patients the organs of trained networks, as channels for station parsing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lnstation_training.cli.show import say
from LNStationLib.support import console
from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from LNStationLib.models.runtime.segmentation import Segmenter

Source = Literal["predicted", "unstratified"]
Engine = Literal["auto", "torch", "openvino"]


def organ_channels(
    folder: Annotated[Path, typer.Argument(help="Prepared volumes, of train cohort --for organs or of prepare.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Package that finds organs and has seen none of these patients. Or, once for each fold, "
            "FOLD=PACKAGE of a run on that fold: it serves the fold's test patients. [default: the shipped package]"
        ),
    ] = None,
    source: Annotated[
        Source, typer.Option(help="unstratified: of one network for all organs, for that row of the experiment.")
    ] = "predicted",
    device: Annotated[str, typer.Option(help="Where networks run: auto, cpu, cuda, ...")] = "auto",
    engine: Annotated[Engine, typer.Option(help="Engine for networks on a CPU.")] = "auto",
) -> None:
    """Store the probabilities of 22 organs beside the truth of every patient, for the task station_segmentation.

    A network segments the patients that it was trained on better than new ones: give networks of other folds, or a
    package of other patients, or stations are learned from organs that are too good.
    """
    from lnstation_training.tasks.station_segmentation.organ_channels import out_of_fold, predict_channels

    segmenters = _segmenters(model or [None], device, engine)
    of = out_of_fold(folder, segmenters) if None not in segmenters else partial(_one_for_all, segmenters[None])
    with console.shown_progress() as progress:
        made = predict_channels(folder, source, of, progress)
    say(f"{folder}: organs of {made} patients stored.")


def _one_for_all(segmenter: Segmenter, patient: str) -> Segmenter:
    return segmenter


def _segmenters(models: Sequence[str | None], device: str, engine: Engine) -> dict[int | None, Segmenter]:
    """By fold; ``None`` for the one that serves all patients."""
    from LNStationLib.models.package import OrganSegmentation, find_package
    from LNStationLib.models.runtime.segmentation import warm_segmenter

    found: dict[int | None, Segmenter] = {}
    for name in models:
        fold, path = _parted(name)
        found[fold] = warm_segmenter(find_package(path, OrganSegmentation.task), device, engine)
    if None in found and len(found) > 1:
        raise InputError("Give one package for all patients, or FOLD=PACKAGE for every fold, not both.")
    return found


def _parted(name: str | None) -> tuple[int | None, str | None]:
    fold, equals, path = (name or "").partition("=")
    return (int(fold), path) if equals and fold.isdigit() else (None, name)
