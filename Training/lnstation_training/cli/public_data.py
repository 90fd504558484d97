"""``train data``: public data, listed, fetched by their own terms, and prepared as cohorts.

Heavy modules are imported inside the commands, for a fast ``--help``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnstation_training.cli.show import say, show_report
from LNStationLib.cli.errors import UserErrorGroup
from LNStationLib.support import console
from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from lnstation_training.public_data.recipe import Facts
    from lnstation_training.public_data.records import Acceptance

app = typer.Typer(
    cls=UserErrorGroup,
    help=(
        "Public data: fetched by their own terms, prepared as cohort tables and case folders.\n\n"
        "list and show tell what there is, fetch downloads what lies in the NCI Imaging Data Commons, prepare "
        "converts a downloaded folder, sheet draws it, check compares checksums. docs/public_data.md says more."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
_MAX_LISTED = 20
NameArgument = Annotated[str, typer.Argument(help="Of train data list.")]
AcceptOption = Annotated[
    bool,
    typer.Option("--accept-license", help="You have read the license that train data show names, and accept it."),
]


@app.command("list")
def list_them() -> None:
    """List the data sets: what each holds, its license and size, how it is got, and which columns it fills."""
    from lnstation_training.engine.values import Report
    from lnstation_training.public_data.recipe import IdcAccess
    from lnstation_training.public_data.registry import RECIPES

    facts = [recipe.facts for recipe in RECIPES]
    rows = [
        [
            one.name,
            one.patients.split()[0].rstrip(":,"),
            one.size.partition(";")[0],
            one.license.name,
            "fetch" if isinstance(one.access, IdcAccess) else "by hand",
            ", ".join(dict.fromkeys(label.column for label in one.labels)) or "images alone",
        ]
        for one in facts
    ]
    columns = ["name", "patients", "size", "license", "got by", "labels, by column"]
    show_report(Report(columns, rows, ["train data show NAME: terms, what is labeled, what is converted."]))


@app.command()
def show(name: NameArgument) -> None:
    """Show a data set: its terms, what is in it and labeled, how it is got, and what is converted."""
    from lnstation_training.public_data.registry import recipe_named

    recipe = recipe_named(name)
    for line in _lines(recipe.facts, recipe.takes_labels):
        say(line)


def _lines(facts: Facts, takes_labels: str) -> list[str]:
    from lnstation_training.public_data.recipe import IdcAccess

    terms, access = facts.license, facts.access
    got = (
        f"train data fetch {facts.name} --out DIR --accept-license (NCI Imaging Data Commons, {access.collection})"
        if isinstance(access, IdcAccess)
        else f"by hand: {access.address}, {access.files}"
    )
    more = f"; {terms.terms}" if terms.terms else ""
    coverage = {"all": "all of them", "some": "some of them: the others are unknown", "not checked": "not checked"}
    return [
        f"{facts.title} ({facts.name})",
        f"Patients: {facts.patients}",
        f"Holds: {facts.holds}",
        *(f"Labels: {one.what} -> {one.column} ({coverage[one.coverage]})" for one in facts.labels),
        f"Size: {facts.size}",
        f"License: {terms.name}, {terms.url}{more}",
        f"Cite: {', '.join(f'https://doi.org/{doi}' for doi in facts.cite)}",
        f"Got by: {got}",
        f"Converted: {facts.converted}",
        *([f"--labels takes: {takes_labels}"] if takes_labels else []),
        f"Checked: {facts.checked}",
    ]


@app.command()
def fetch(
    name: NameArgument,
    out: Annotated[Path, typer.Option(help="Folder for the download; an unfinished one is completed.")],
    accept_license: AcceptOption = False,
    patient: Annotated[list[str] | None, typer.Option(help="Patient ID; may repeat. [default: all]")] = None,
    first: Annotated[int | None, typer.Option(min=1, help="No more than so many patients.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much it would be.")] = False,
) -> None:
    """Fetch a data set from the NCI Imaging Data Commons, patient by patient; a stopped download is resumed.

    Of data that lie elsewhere it says where, and what to download.
    """
    from lnstation_training.public_data.fetching import FetchRequest, access_of, selected, size_gb
    from lnstation_training.public_data.fetching import fetch as fetch_patients
    from lnstation_training.public_data.idc import open_client, series_of
    from lnstation_training.public_data.registry import recipe_named

    facts = recipe_named(name).facts
    access = access_of(facts)
    request = FetchRequest(facts, out, _accepted(facts, accept_license), tuple(patient or ()), first)
    client = open_client()
    if dry_run:
        found = selected(series_of(client, access), request)
        everything = [one for series in found.values() for one in series]
        say(f"{facts.title}: {len(found)} patients, {len(everything)} series, {size_gb(everything):.1f} GB.")
        return
    with console.shown_progress() as progress:
        there, now = fetch_patients(request, client, progress)
    say(f"{out}: {there} patients of {facts.title}, {now} of them fetched now.")
    say(f"Next: python3 run.py train data prepare {name} --from {out} --out DIR")


@app.command()
def prepare(
    name: NameArgument,
    source: Annotated[Path, typer.Option("--from", help="Folder that was fetched or downloaded.")],
    out: Annotated[Path, typer.Option(help="Folder of the cohort; an unfinished one is completed.")],
    accept_license: AcceptOption = False,
    labels: Annotated[Path | None, typer.Option(help="Further labels, where train data show says so.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; never changes the result.")] = 1,
) -> None:
    """Convert a downloaded folder into a cohort: tables, case folders, and where everything comes from.

    Patients that cannot be used are left out and named in left_out.csv.
    """
    from lnstation_training.public_data.preparing import PrepareRequest
    from lnstation_training.public_data.preparing import prepare as prepare_cohort
    from lnstation_training.public_data.registry import recipe_named

    facts = recipe_named(name).facts
    accepted = _accepted(facts, True) if accept_license else None
    request = PrepareRequest(name, source, out, accepted, labels, workers)
    with console.shown_progress() as progress:
        outcome = prepare_cohort(request, progress)
    say(f"{out}: {outcome.patients} patients of {facts.title}, {outcome.converted} of them converted now.")
    for one in outcome.left_out[:_MAX_LISTED]:
        say(f"Left out: {one.patient or 'unknown'}, {one.what}: {one.why}")
    if len(outcome.left_out) > _MAX_LISTED:
        say(f"... and {len(outcome.left_out) - _MAX_LISTED} more in {out}/left_out.csv")
    _say_next(facts, out)


@app.command()
def unpack(
    archive: Annotated[Path, typer.Argument(help="Zip or tar file that was downloaded.")],
    out: Annotated[Path, typer.Option(help="New folder.")],
) -> None:
    """Unpack a downloaded archive; one whose members would leave the folder is refused."""
    from lnstation_training.public_data.archives import unpack as unpack_archive

    with console.shown_progress() as progress:
        count = unpack_archive(archive, out, progress)
    say(f"{out}: {count} files.")


@app.command()
def sheet(
    folder: Annotated[Path, typer.Argument(help="Of prepare.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    count: Annotated[int, typer.Option(min=1, help="Patients at most.")] = 12,
) -> None:
    """Draw prepared patients with their labels on the CT: do the masks lie where they belong?"""
    from lnstation_training.public_data.sheet import draw_sheet

    out.parent.mkdir(parents=True, exist_ok=True)
    say(f"Written: {out}, {draw_sheet(folder, out, count)} patients.")


@app.command()
def check(folder: Annotated[Path, typer.Argument(help="Of fetch or prepare.")]) -> None:
    """Compare every file of a fetched or prepared folder with its SHA-256."""
    from lnstation_training.public_data.checking import check as check_folder

    with console.shown_progress() as progress:
        found = check_folder(folder, progress)
    say(f"{folder}: {found.files} files of {found.recipe} are as they were.")
    for fault in found.faults[:_MAX_LISTED]:
        say(fault)
    if found.faults:
        raise InputError(
            f"{len(found.faults)} files of {folder} are missing or changed: fetch or prepare them again."
        )


def _accepted(facts: Facts, accept: bool) -> Acceptance:
    """The acceptance of a license, now.

    Raises:
        InputError: It was not accepted; the message names it.
    """
    from lnstation_training.public_data.records import Acceptance, today

    terms = facts.license
    if not accept:
        raise InputError(
            f"{facts.title} may be used under its license ({terms.name}, {terms.url}): read it and give "
            "--accept-license."
        )
    return Acceptance(license=terms.name, url=terms.url, terms=terms.terms, accepted_on=today())


def _say_next(facts: Facts, out: Path) -> None:
    if any(label.column == "stations" for label in facts.labels):
        for case in sorted((out / "cases").iterdir()):
            say(
                f"Next: python3 run.py atlases build {case} --stations {case}/stations.nii.gz --out {case.name}.zip "
                f'--license "{facts.license.name}" --title "{facts.title}: {case.name}" --made-from clinical'
            )
        return
    nodes = out / "node_pathology.csv"
    if len(nodes.read_text(encoding="utf-8").splitlines()) > 1:
        part = out / "patients_with_nodes.csv"
        patients = part if part.exists() else out / "patients.csv"
        say(f"Next: python3 run.py train evaluate-stations --patients {patients} --nodes {nodes} --out DIR")
    say(f"Next: python3 run.py batch --cases {out}/cases --out DIR, or train prepare --patients {out}/patients.csv")
