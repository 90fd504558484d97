"""``atlases``: list, make and build atlas packages, and write a case's probability of each station as maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from LNStationLib.support import console
from LNStationLib.support.progress import portion
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

if TYPE_CHECKING:
    from LNStationLib.stations.atlas_registration.tuning import Tried

app = typer.Typer(
    help="Atlases: patients with known stations, which stations method atlas_registration carries over.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
CaseArgument = Annotated[Path, typer.Argument(help="Case folder: a CT, and masks of organs where there are any.")]
SpacingOption = Annotated[float, typer.Option(min=1.0, max=4.0, help="Voxel edge of the atlas in mm.")]
StationsOption = Annotated[
    Path,
    typer.Option(
        help="The stations: a label map (values of LNStation's table, or names beside it), or a folder of masks, "
        "each named after its station."
    ),
]
WorkingOption = Annotated[float, typer.Option(min=1.0, max=4.0, help="Voxel edge of the grid for organs in mm.")]
_TRUE = Reason("supplied_from", {"origin": "truth of the patient"})
_SYNTHETIC_STEP_HU = 20
"""Noise and shades of a synthetic CT tell the registration nothing; without them a package takes a third."""


@app.command("list")
def list_them(folder: Annotated[Path | None, typer.Argument(help="A folder of atlases instead.")] = None) -> None:
    """List the atlases that came with LNStation and your own, or those of a folder."""
    from rich.table import Table

    from LNStationLib.stations.atlas_registration.folders import list_atlases, user_folder

    found = list_atlases(folder)
    table = Table("id", "title", "sex", "made from", "license", "from", "file", title="Atlases")
    for one in found:
        if one.card is not None:
            card = one.card
            table.add_row(
                card.atlas_id, card.title, card.sex or "", card.made_from, card.license, one.source, one.path.name
            )
    screen = console.make_console()
    screen.print(table if table.row_count else "No atlas found.")
    for one in found:
        if one.card is None:
            screen.print(f"Cannot be used: {one.problem}", style="yellow", soft_wrap=True, markup=False)
    screen.print(f"Your own atlases go into {user_folder()}.", soft_wrap=True, markup=False, highlight=False)


@app.command()
def synthetic(
    out: Annotated[Path, typer.Option(help="Folder for the packages.")],
    spacing_mm: SpacingOption = 3.0,
) -> None:
    """Make the five atlases of synthetic patients, varied in sex, habitus and arch."""
    from LNStationLib.phantom.atlas_patients import ATLAS_PATIENTS, render_atlas_patient
    from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
    from LNStationLib.stations.atlas_registration.guides import GUIDES
    from LNStationLib.stations.atlas_registration.writing import AtlasFacts, make_atlas, write_atlas

    with console.shown_progress() as progress:
        for place, patient in enumerate(ATLAS_PATIENTS):
            progress(f"making {patient.name}", place / len(ATLAS_PATIENTS))
            phantom, stations = render_atlas_patient(patient)
            organs = OrganSet(phantom.grid)
            for name in GUIDES:
                if name in phantom.organs and phantom.organs[name].any():
                    organs.add(Organ(name, phantom.organs[name], OrganSource.SUPPLIED, _TRUE))
            facts = AtlasFacts(patient.name, patient.title, "Apache-2.0", "synthetic", patient.sex)
            atlas = make_atlas(facts, phantom.case.ct, organs, stations, spacing_mm, _SYNTHETIC_STEP_HU)
            write_atlas(atlas, out / f"{patient.name}.zip")
        progress("done", 1.0)
    _say(f"{out}: {len(ATLAS_PATIENTS)} atlases of synthetic patients.")


@app.command()
def build(
    case: CaseArgument,
    stations: StationsOption,
    out: Annotated[Path, typer.Option(help="The package to write, a zip file.")],
    license_: Annotated[str, typer.Option("--license", help="Under which the atlas may be used.")],
    title: Annotated[str, typer.Option(help="One line for people; no identifiers.")],
    made_from: Annotated[Literal["clinical", "synthetic"], typer.Option(help="A real patient or a synthetic one.")],
    spacing_mm: SpacingOption = 2.0,
    working_spacing_mm: WorkingOption = 1.5,
) -> None:
    """Build an atlas from a case folder and its stations; organs that have no mask are found as in any case."""
    from LNStationLib.assessment.assess import found_organs
    from LNStationLib.cli.assessing import load
    from LNStationLib.state.settings import Settings
    from LNStationLib.stations.atlas_registration.station_files import read_stations
    from LNStationLib.stations.atlas_registration.writing import AtlasFacts, make_atlas, write_atlas

    settings, warnings = Settings(working_spacing_mm=working_spacing_mm), list[Reason]()
    with console.shown_progress() as progress:
        loaded = load(case, {}, portion(progress, 0.0, 0.2))
        organs = found_organs(loaded, settings, portion(progress, 0.2, 0.8)).organ_set
        progress("writing the atlas", 0.8)
        drawn = read_stations(stations, organs.grid, warnings.append)
        sex = loaded.facts.sex if loaded.facts.sex in ("F", "M") else None
        facts = AtlasFacts(_id_of(out), title, license_, made_from, sex)
        write_atlas(make_atlas(facts, loaded.ct, organs, drawn, spacing_mm), out)
        progress("done", 1.0)
    for warning in (*loaded.warnings, *organs.warnings, *warnings):
        _say(words(warning))
    _say(f"{out}: atlas {_id_of(out)}.")


@app.command()
def tune(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of atlases; by default your own, else the shipped.")
    ] = None,
    engine: Annotated[Literal["greedy", "convex_adam"], typer.Option(help="What deforms an atlas.")] = "greedy",
    pairs: Annotated[int, typer.Option(min=1, help="So many pairs of atlases are registered with each setting.")] = 6,
    spacing_mm: Annotated[float, typer.Option(min=1.5, max=6.0, help="Voxel edge of the registrations.")] = 3.0,
    out: Annotated[Path | None, typer.Option(help="Also write the table to this CSV file.")] = None,
) -> None:
    """Choose parameters of the registration by the overlap of organs, on the atlases alone.

    Each atlas in turn is the patient; how well stations overlap stands beside. The last line has the options of the
    best setting.
    """
    from LNStationLib.stations.atlas_registration.engines import Deformation, check_engine
    from LNStationLib.stations.atlas_registration.folders import chosen_atlases
    from LNStationLib.stations.atlas_registration.registration import check_library
    from LNStationLib.stations.atlas_registration.tuning import tuned

    check_library()
    check_engine(engine)
    paths = chosen_atlases(None if folder is None else str(folder))
    with console.shown_progress() as progress:
        tried = list(tuned(paths, Deformation(engine), spacing_mm, pairs, progress))
        progress("done", 1.0)
    _show_tuning(tried, out)


def _show_tuning(tried: list[Tried], out: Path | None) -> None:
    from dataclasses import asdict

    from rich.table import Table

    from LNStationLib.support.atomic_files import write_atomically

    columns = [*asdict(tried[0].how), "organ_dice", "station_dice", "seconds"]
    rows = [[*asdict(one.how).values(), one.organ_dice, one.station_dice, one.seconds] for one in tried]
    cells = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row] for row in rows]
    table = Table(*columns, title="Registration of atlases to one another")
    for row in cells:
        table.add_row(*row)
    console.make_console().print(table)
    if out is not None:
        write_atomically(out, "".join(",".join(row) + "\n" for row in (columns, *cells)))
    best = max(tried, key=lambda one: one.organ_dice).how
    _say(
        f"Best by organs: --registration-engine {best.engine} --registration-update-voxels {best.update_voxels:g} "
        f"--registration-warp-voxels {best.warp_voxels:g} --registration-organ-weight {best.organ_weight:g} "
        f"--registration-smoothness {best.smoothness:g}"
    )


@app.command()
def maps(
    case: CaseArgument,
    out: Annotated[Path, typer.Option(help="Folder for the maps.")],
    atlases: Annotated[str | None, typer.Option(help="An atlas, or a folder of atlases.")] = None,
    fusion: Annotated[Literal["majority", "weighted"], typer.Option(help="How atlases are fused.")] = "majority",
    working_spacing_mm: WorkingOption = 1.5,
) -> None:
    """Write each station's probability and its weights (Engelson et al. 2026, Eq. 1) as maps on the CT's grid."""
    from LNStationLib.assessment.assess import found_organs
    from LNStationLib.cli.assessing import load
    from LNStationLib.export import prepare_output_folder
    from LNStationLib.state.settings import Settings
    from LNStationLib.stations.atlas_registration.maps import write_maps
    from LNStationLib.stations.atlas_registration.method import AtlasOptions

    settings = Settings(working_spacing_mm=working_spacing_mm)
    options = AtlasOptions(atlases=atlases, fusion=fusion)
    prepare_output_folder(out, False)
    with console.shown_progress() as progress:
        loaded = load(case, {}, portion(progress, 0.0, 0.1))
        state = found_organs(loaded, settings, portion(progress, 0.1, 0.4))
        files, remarks = write_maps(state, options, out, portion(progress, 0.4, 1.0))
    for remark in remarks:
        _say(words(remark))
    _say(f"{out}: {len(files)} maps.")


def _id_of(out: Path) -> str:
    return "".join(sign if sign.isalnum() else "-" for sign in out.stem.lower()).strip("-") or "atlas"


def _say(text: str) -> None:
    console.make_console().print(Text(text), soft_wrap=True)
