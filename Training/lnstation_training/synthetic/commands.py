"""``train cohort``, ``train audit`` and ``train ideal-observer``: synthetic cohorts.

Heavy modules are imported inside the commands, for a fast ``--help``.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from LNStationLib.support import console
from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from lnstation_training.synthetic.audit.images import DrawnStations
    from lnstation_training.synthetic.audit.sheet import Figure
    from LNStationLib.phantom.preset_change import PresetChange

Preset = Literal["esophagus", "lung"]
Purpose = Literal["stations", "organs", "nodes"]


def cohort(
    out: Annotated[Path, typer.Option(help="Folder of the cohort; an unfinished one is completed.")],
    patients: Annotated[int, typer.Option(help="Number of patients.")] = 100,
    preset: Annotated[Preset, typer.Option(help="Which cancer.")] = "esophagus",
    seed: Annotated[int, typer.Option(help="Decides every patient, together with the preset.")] = 1,
    slice_mm: Annotated[float, typer.Option("--slice-mm", help="Slice thickness of the CTs in mm.")] = 5.0,
    positive_fraction: Annotated[
        float,
        typer.Option(
            help="At least this part of the patients has a metastatic station; 0 takes them as they come: a quarter."
        ),
    ] = 0.0,
    positive_stations: Annotated[
        int, typer.Option(help="What --positive-fraction counts: patients with at least so many metastatic stations.")
    ] = 1,
    sign_strength: Annotated[
        float, typer.Option(help="How far the signs of metastasis but size lie apart; 1 as in the audited preset.")
    ] = 1.0,
    reactive_patients: Annotated[
        float | None,
        typer.Option(help="Part of the patients with enlarged benign nodes; as in the preset if not given."),
    ] = None,
    reactive_size: Annotated[
        float | None, typer.Option(help="How much larger those nodes are; as in the preset if not given.")
    ] = None,
    group_signs: Annotated[
        float, typer.Option(help="How far those signs differ by station group: 0 not at all, 1 some turn round.")
    ] = 0.0,
    whole_dissection: Annotated[
        bool, typer.Option("--whole-dissection", help="Pathology of every station that has a node.")
    ] = False,
    chest_only: Annotated[
        bool, typer.Option("--chest-only", help="CTs of the chest alone: half the voxels of 512 x 512 pixels.")
    ] = False,
    pixel_mm: Annotated[
        float | None,
        typer.Option("--pixel-mm", help="Pixels of CTs of the chest alone; each patient's own if not given."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; never changes the result.")] = 1,
    purpose: Annotated[
        Purpose,
        typer.Option(
            "--for",
            help="organs: label maps of all organs and stations on a network's grid, ready for fit; nodes: finished "
            "CTs with parsed stations on such a grid.",
        ),
    ] = "stations",
    spacing: Annotated[str, typer.Option(help="With --for organs or nodes: voxels in mm along z,y,x.")] = "2,2,2",
    with_pet: Annotated[
        bool,
        typer.Option(
            "--with-pet",
            help="Patients of --preset with the PET that they have; with --for nodes also tumor and the nodes a "
            "reader calls significant.",
        ),
    ] = False,
    lenient_within_mm: Annotated[
        float,
        typer.Option(
            "--lenient-within-mm",
            help="With --with-pet: so near the tumor the reader calls smaller and fainter nodes significant; 0 for a "
            "reader who is strict everywhere.",
        ),
    ] = 70.0,
) -> None:
    """Make a synthetic cohort with the tables of a real one: CT, stations, nodes, and pathology by station.

    What a pathologist would not know (which node is metastatic) is kept apart, in truth/ID/patient.json and
    truth/nodes.csv.
    """
    from lnstation_training.synthetic.cohort import SyntheticCohort, make_synthetic_cohort

    if purpose != "stations":
        reader = (preset, lenient_within_mm) if with_pet else None
        _volumes(out, patients, seed, spacing, workers, purpose, reader)
        return
    change = _change(sign_strength, reactive_patients, reactive_size, group_signs, whole_dissection)
    request = SyntheticCohort(
        out,
        preset,
        patients,
        seed,
        slice_mm,
        workers,
        positive_fraction,
        change,
        chest_only,
        positive_stations,
        pixel_mm,
        with_pet,
    )
    with console.shown_progress() as progress:
        made = make_synthetic_cohort(request, progress)
    _say(f"{out}: {patients} synthetic patients, {made} of them made now.")
    _say(
        f"Next: python3 run.py train prepare --patients {out}/patients.csv --pathology {out}/pathology.csv --out DIR"
    )


def _volumes(
    out: Path,
    patients: int,
    seed: int,
    spacing: str,
    workers: int,
    purpose: Purpose,
    with_pet: tuple[Preset, float] | None,
) -> None:
    """Volumes on a network's grid; with PET, the preset and how near the tumor the reader is lenient."""
    from lnstation_training.synthetic.organ_patients import OrganCohort, make_organ_cohort
    from LNStationLib.phantom.nodes.significance import Reader

    if with_pet is not None and purpose != "nodes":
        raise InputError("--with-pet goes with --for nodes or stations.")
    preset, lenient_mm = with_pet or ("", 0.0)
    reader = None if with_pet is None else Reader(lenient_mm)
    try:
        z, y, x = (float(part) for part in spacing.split(","))
    except ValueError as error:
        raise InputError(f"--spacing {spacing}: give three numbers with commas, such as 2,2,2.") from error
    request = OrganCohort(out, patients, seed, (z, y, x), workers, purpose == "nodes", reader, preset)
    with console.shown_progress() as progress:
        made = make_organ_cohort(request, progress)
    _say(f"{out}: {patients} synthetic patients, {made} of them drawn now.")
    config = "streams" if with_pet is not None else purpose
    _say(f"Next: python3 run.py train fit --config Training/configs/{config}.yaml --data.folder {out} --out RUN")


def _change(
    sign_strength: float,
    reactive_patients: float | None,
    reactive_size: float | None,
    group_signs: float,
    whole_dissection: bool,
) -> PresetChange:
    from pydantic import ValidationError

    from LNStationLib.phantom.preset_change import PresetChange

    try:
        return PresetChange(
            sign_strength=sign_strength,
            reactive_patient_fraction=reactive_patients,
            reactive_size_factor=reactive_size,
            group_signs=group_signs,
            whole_dissection=whole_dissection,
        )
    except ValidationError as error:
        raise InputError("; ".join(f"{e['loc'][0]}: {e['msg']}, got {e['input']}" for e in error.errors())) from error


def audit(
    folder: Annotated[Path, typer.Argument(help="A synthetic cohort.")],
    out: Annotated[
        Path | None, typer.Option(help="Markdown file. [default: audit.md in the cohort's folder]")
    ] = None,
    measure: Annotated[int, typer.Option(help="Patients whose images are measured against their attributes.")] = 10,
    stations: Annotated[
        Path | None,
        typer.Option(
            help="Table of patients with stations of another method, as use-stations writes it: SUVmax is measured "
            "in them too, in the first patients who have some."
        ),
    ] = None,
) -> None:
    """Show a synthetic cohort's figures beside the published ones and write them as Markdown."""
    from lnstation_training.synthetic.audit.report import markdown, show
    from LNStationLib.phantom.records import read_cohort_file, write_file

    figures = _audit_figures(folder, measure, stations)
    cohort = read_cohort_file(folder)
    target = out or folder / "audit.md"
    write_file(target, markdown(figures, cohort, cohort.key.drawn_from()).encode())
    show(console.make_console(), figures)
    _say(f"Written: {target}")


def _audit_figures(folder: Path, measure: int, stations: Path | None) -> list[Figure]:
    from lnstation_training.synthetic.audit.attributes import audit as audit_attributes
    from lnstation_training.synthetic.audit.observers import audit_observers
    from LNStationLib.phantom.records import CASES, read_patients

    cohort, patients = read_patients(folder)
    preset = cohort.key.drawn_from()
    figures = [*audit_attributes(patients, preset), *audit_observers(patients, preset)]
    if cohort.key.images and measure > 0 and (folder / CASES).is_dir():
        from lnstation_training.synthetic.audit.images import audit_images

        drawn = None if stations is None else _drawn(stations, {one.plan.patient_id for one in patients})
        with_maps = [one for one in patients if drawn is None or one.plan.patient_id in drawn.paths]
        with console.shown_progress() as progress:
            figures += audit_images(folder, with_maps[:measure], preset, drawn, progress)
    return figures


def _drawn(table: Path, patients: Collection[str]) -> DrawnStations:
    """The station maps of a table of patients.

    Raises:
        InputError: It has none of these patients.
    """
    from lnstation_training.cohorts.tables import read_cohort
    from lnstation_training.synthetic.audit.images import DrawnStations

    rows = read_cohort(table, needs=())
    paths = {row.patient: row.stations for row in rows if row.stations is not None and row.patient in patients}
    if not paths:
        raise InputError(f"{table} has stations of none of the cohort's patients: give a table of use-stations.")
    return DrawnStations(f"stations of {table.stem}", paths)


def ideal_observer(
    folder: Annotated[Path, typer.Argument(help="A synthetic cohort.")],
    out: Annotated[Path | None, typer.Option(help="Also write the tables to this file, as Markdown.")] = None,
) -> None:
    """Ideal observer: the upper bound for any network on a synthetic cohort, beside what size alone tells.

    The ideal observer knows how the cohort was made and sees every visible node's true signs, without noise or blur.
    """
    from lnstation_training.synthetic.observer_report import cohort_observers, observers_markdown
    from LNStationLib.phantom.records import write_file

    text = observers_markdown(cohort_observers(folder))
    _say(text)
    if out is not None:
        write_file(out, text.encode())


def _say(text: str) -> None:
    console.make_console().print(Text(text), soft_wrap=True)
