"""The command that holds station methods to nodes of known station."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lnstation_training.cli.show import say, show_report
from LNStationLib.cli.method_options import MethodOptionsCommand, given_settings
from LNStationLib.support import console
from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from lnstation_training.cohorts.info import CohortInfo
    from lnstation_training.cohorts.tables import CohortPatient, Need
    from lnstation_training.localization.result import LocalizationResult

FileTypeName = Literal["png", "svg"]
AcceptedName = Literal["first", "any"]
_STEPS: tuple[Literal["organs", "stations"], ...] = ("organs", "stations")
_NEEDS: tuple[Need, ...] = ("node_pathology",)


class StationMethodsCommand(MethodOptionsCommand):
    """A command that takes the options of all methods for organs and stations."""

    steps = _STEPS


def evaluate_stations(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for results; an unfinished one is completed.")],
    patients: Annotated[
        Path | None, typer.Option(help="CSV: patient, ct, nodes (a label map), and organs where there are masks.")
    ] = None,
    nodes: Annotated[
        Path | None, typer.Option(help="CSV: patient, node (its value in the label map), station.")
    ] = None,
    phantom: Annotated[Path | None, typer.Option(help="Instead of the tables: folder of a synthetic cohort.")] = None,
    methods: Annotated[
        str,
        typer.Option(help="Methods for stations, with commas: iaslc_rules,atlas_registration. [default: the first]"),
    ] = "",
    accept_stations: Annotated[
        AcceptedName,
        typer.Option(
            help="Which station of a node is right where the table has station_2 and station_3: the first, or any of "
            "them; accuracies are given for both."
        ),
    ] = "first",
    title: Annotated[str | None, typer.Option(help="Name of the cohort.")] = None,
    plots: Annotated[FileTypeName, typer.Option(help="Kind of the figures' files.")] = "png",
    workers: Annotated[int, typer.Option(min=1, help="Processes; never changes the result.")] = 1,
    working_spacing_mm: Annotated[
        float,
        typer.Option(
            "--working-spacing", min=0.5, max=4, help="Voxel size of the grid for organs and stations, in mm."
        ),
    ] = 1.5,
) -> None:
    """Test station outlines on nodes whose station a reader gave: the right station and zone, by method.

    As on LyNoS and the NIH CT Lymph Nodes (Engelson et al. 2026, Sec. 4.1). Organs are found once a patient, all
    methods draw on them; a stopped run resumes. Written: results.json, nodes.csv, zones and confusion pictures.
    """
    from lnstation_training.localization.result import localization_result
    from lnstation_training.localization.run import method_settings, place_cohort

    wanted = [name for name in methods.replace(",", " ").split() if name]
    settings = method_settings(given_settings(ctx, freely=_STEPS[1:], working_spacing_mm=working_spacing_mm), wanted)
    cohort, info = _cohort(patients, nodes, phantom, title)
    with console.shown_progress() as progress:
        found = place_cohort(cohort, settings, out, workers, progress)
        progress("done", 1.0)
    result = localization_result(cohort, found, settings, info.title, info.synthetic, accept_stations)
    _write(out, result, plots)


def _cohort(
    patients: Path | None, nodes: Path | None, phantom: Path | None, title: str | None
) -> tuple[list[CohortPatient], CohortInfo]:
    from lnstation_training.cohorts.info import cohort_info
    from lnstation_training.cohorts.tables import read_cohort

    if patients is not None and nodes is not None and phantom is None:
        cohort = read_cohort(patients, None, nodes, needs=_NEEDS)
        return cohort, cohort_info(patients, None, title, node_table=nodes)
    if phantom is None or patients is not None or nodes is not None:
        raise InputError("Give the tables (--patients and --nodes), or --phantom alone.")
    return _phantom(phantom, title)


def _phantom(folder: Path, title: str | None) -> tuple[list[CohortPatient], CohortInfo]:
    """A synthetic cohort with the organs that its case folders have: the true ones would flatter every method."""
    from lnstation_training.cohorts.info import cohort_info
    from lnstation_training.cohorts.tables import read_cohort
    from lnstation_training.synthetic.cohort import case_organs, cohort_tables

    patients, _, nodes = cohort_tables(folder)
    cohort = read_cohort(patients, None, nodes, needs=_NEEDS)
    known = [replace(patient, organs=case_organs(folder, patient.patient)) for patient in cohort]
    return known, cohort_info(patients, None, title, node_table=nodes)


def _write(out: Path, result: LocalizationResult, plots: FileTypeName) -> None:
    from lnstation_training.engine.evaluate import write_json
    from lnstation_training.localization.plots import draw_all
    from lnstation_training.localization.report import nodes_csv, side_by_side
    from LNStationLib.support.atomic_files import write_atomically

    write_json(out / "results.json", result)
    write_atomically(out / "nodes.csv", nodes_csv(result))
    files = draw_all(out, result, plots)
    show_report(side_by_side(result))
    say(f"Written: {', '.join([str(out / 'results.json'), 'nodes.csv', *(path.name for path in files)])}")
