"""``phantom``: make synthetic patients, one or a cohort."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from LNStationLib.support import console
from LNStationLib.support.errors import InputError

PresetOption = Literal["esophagus", "lung"]
SampleName = Literal["lung-n2", "lung-n0-reactive", "esophagus-middle", "esophagus-clear-signs"]
# An enumeration, since an option that may be repeated takes no Literal.
ScanTrait = StrEnum(
    "ScanTrait",
    ["gown", "blanket", "open_blanket", "pillow", "mattress", "arms_down", "lung_kernel", "unenhanced"],
)
Extent = Literal["chest", "head_to_thigh"]
AnatomyTrait = StrEnum(
    "AnatomyTrait",
    [
        "patients", "training", "neck_vessels", "neck_muscles", "aortic_root", "spinal_veins", "pulmonary_vein_ostia",
        "pleural_effusion", "lobar_collapse", "raised_diaphragm", "pneumonectomy", "hiatal_hernia", "goiter",
        "scoliosis", "kyphosis", "right_arch", "aberrant_right_subclavian", "bovine_arch", "dilated_aorta",
        "elongated_aorta",
    ],
)  # fmt: skip

app = typer.Typer(
    help=(
        "Synthetic patients with known truth: a cohort, or one of four samples. The audit of a cohort beside "
        "published ones: run.py train audit."
    ),
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def phantom(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Folder of the cohort; an unfinished one is completed.")] = None,
    patients: Annotated[int, typer.Option(help="Number of patients.")] = 20,
    seed: Annotated[int, typer.Option(help="With the preset, determines every patient.")] = 1,
    preset: Annotated[
        PresetOption, typer.Option(help="Which cancer, and which published cohorts to resemble.")
    ] = "lung",
    workers: Annotated[int, typer.Option(help="Number of processes; does not affect the result.")] = 1,
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Without images: tables and truth only, in seconds.")
    ] = True,
    scan_traits: Annotated[
        list[ScanTrait] | None,
        typer.Option("--with", help="What real scans have and the audited cohorts do not; may be repeated."),
    ] = None,
    anatomy: Annotated[
        list[AnatomyTrait] | None,
        typer.Option(
            "--anatomy",
            help="Anatomical traits of every patient, may be repeated; or patients or training: draw them for each "
            "patient, as often as published or as suits training a network.",
        ),
    ] = None,
    extent: Annotated[
        Extent, typer.Option(help="How much of the body the CTs and PETs show; beyond the chest it is crude.")
    ] = "chest",
) -> None:
    """Make a cohort of synthetic patients: case folders, tables, and their truth beside them."""
    if ctx.invoked_subcommand is not None:
        return
    if out is None:
        raise InputError("no folder was given for the cohort: give --out DIR.")
    from LNStationLib.phantom.anatomy.traits import split_anatomy
    from LNStationLib.phantom.cohort import CohortRequest, make_cohort
    from LNStationLib.phantom.scan_traits import check_traits

    try:
        traits = check_traits([trait.value for trait in scan_traits or []])
        named, odds = split_anatomy([trait.value for trait in anatomy or []])
    except ValueError as error:
        raise InputError(f"{error}.") from error
    request = CohortRequest(
        out, preset, patients, seed, workers, images, scan_traits=traits, extent=extent,
        anatomy_traits=named, anatomy_odds=odds,
    )  # fmt: skip
    with console.shown_progress() as progress:
        made = make_cohort(request, progress)
    screen = console.make_console()
    screen.print(Text(f"{out}: {patients} synthetic patients, {made} of them made now."), soft_wrap=True)


@app.command()
def sample(
    name: Annotated[SampleName, typer.Argument(help="Which patient.")],
    out: Annotated[Path, typer.Option(help="Folder for the case and its truth.")],
) -> None:
    """Make one of four named sample patients."""
    from LNStationLib.phantom.samples import write_sample

    with console.shown_progress() as progress:
        progress(f"making {name}", 0.0)
        case_folder = write_sample(name, out)
        progress("done", 1.0)
    screen = console.make_console()
    screen.print(Text(f"Case: {case_folder}; truth: {out / 'truth'}."), soft_wrap=True)
