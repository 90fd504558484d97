"""``batch``: many cases at once; ``batch-scheduler`` and ``batch-worker``: who does them on several machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from LNStationLib.cli.errors import INTERRUPTED
from LNStationLib.cli.language_option import LanguageOption
from LNStationLib.cli.method_options import given_settings
from LNStationLib.support import console
from LNStationLib.support.errors import CancelledError, InputError

if TYPE_CHECKING:
    from LNStationLib.batch.cluster import Workers
    from LNStationLib.batch.listing import ListedCase
    from LNStationLib.batch.run import BatchRequest, BatchResult

Cancer = Literal["lung", "esophagus"]
_DEFAULT_PORT = 8786
_MAX_SHOWN_FAILURES = 10


def batch(
    ctx: typer.Context,
    cases: Annotated[
        Path,
        typer.Option(help="Table of cases (CSV), folder of case folders, or folder of DICOM studies."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results; an unfinished batch in it goes on.")],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes of this machine. [default: one a core]")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores of each. [default: all, divided]")] = None,
    memory: Annotated[str, typer.Option(help='Limit of each worker, such as "4GB".')] = "auto",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Scheduler that runs already, such as tcp://host:8786.")
    ] = None,
    cluster: Annotated[
        Path | None,
        typer.Option(
            "--cluster", "--slurm", metavar="FILE", help="Queue of a cluster (Slurm, PBS, Kubernetes) by a YAML file."
        ),
    ] = None,
    cancer: Annotated[
        Cancer | None,
        typer.Option(help="Primary cancer of all cases of a folder of DICOM studies; decides the N rules."),
    ] = None,
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="Name patient, study and series in the table of choices.")
    ] = False,
    index: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Index of the DICOM files. [default: in the user's cache]")
    ] = None,
    dicom_root: Annotated[
        bool, typer.Option("--dicom-root", help="Take the folder for DICOM studies, even where it has case folders.")
    ] = False,
    need: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG=N", help="What a case needs of a worker, such as GPU=1; may be repeated."),
    ] = None,
    formats: Annotated[
        str, typer.Option(help="What is written of each case, of: json, csv, nifti, text, html, pdf.")
    ] = "json,csv,nifti,text",
    dicom: Annotated[
        bool,
        typer.Option(
            "--dicom",
            help="Also write DICOM objects of each case into a folder dicom of its results; they name the patient.",
        ),
    ] = False,
    retries: Annotated[int, typer.Option(min=0, help="Further tries where a failure may pass.")] = 2,
    time_limit: Annotated[
        float | None, typer.Option(metavar="MINUTES", min=0.01, help="For one case; its worker is then ended.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read all input and results again, whatever their times say.")
    ] = False,
    working_spacing_mm: Annotated[
        float, typer.Option("--working-spacing", help="Voxel size of the grid for organs and stations, in mm.")
    ] = 1.5,
    language: LanguageOption = "en",
) -> None:
    """Assess many cases, each in a folder of its own, and summarize them; run it again to go on where it ended."""
    from LNStationLib.batch.installation import check_installed
    from LNStationLib.batch.run import BatchRequest

    check_installed()
    settings = given_settings(ctx, working_spacing_mm=working_spacing_mm)
    wanted = _workers(workers, threads, memory, scheduler, cluster, need or [])
    root = DicomRoot(cases, index, cancer, identifiers, wanted.count)
    request = BatchRequest(
        _cases(cases, root, dicom_root), out, settings, tuple(formats.replace(",", " ").split()), wanted, retries,
        None if time_limit is None else 60 * time_limit, verify, identifiers, dicom, language,
    )  # fmt: skip
    _run(request)


@dataclass(frozen=True)
class DicomRoot:
    """A folder of DICOM studies, as the command line describes it."""

    folder: Path
    index: Path | None
    cancer: Cancer | None
    identifiers: bool
    processes: int


def _cases(path: Path, root: DicomRoot, is_root: bool) -> list[ListedCase]:
    if not path.exists():
        raise InputError(f"--cases: there is nothing at {path}; check the path.")
    if path.is_dir():
        return _cases_of_folder(path, root, is_root)
    return _cases_of_table(path)


def _cases_of_folder(path: Path, root: DicomRoot, is_root: bool) -> list[ListedCase]:
    from LNStationLib.batch.listing import cases_of_folder

    cases = [] if is_root else cases_of_folder(path)
    if not cases:
        cases = _studies(root)
    if not cases:
        raise InputError(f"--cases: {path} holds neither case folders nor DICOM studies with CT; check the path.")
    return cases


def _studies(root: DicomRoot) -> list[ListedCase]:
    from LNStationLib.batch.studies.index import index_path, update_index
    from LNStationLib.batch.studies.source import cases_of_root

    database = root.index or index_path(root.folder)
    with console.shown_progress() as progress:
        update_index(root.folder, database, root.processes, progress)
    return cases_of_root(root.folder.resolve(), database, root.cancer, root.identifiers)


def _cases_of_table(path: Path) -> list[ListedCase]:
    from LNStationLib.batch.listing import cases_of_table, unused_columns

    cases = cases_of_table(path)
    unused = unused_columns(path)
    if unused:
        _say(f"Columns of {path.name} that are not used: {', '.join(unused)}.")
    return cases


def _workers(
    count: int | None,
    threads: int | None,
    memory: str,
    scheduler: str | None,
    cluster: Path | None,
    need: list[str],
) -> Workers:
    from LNStationLib.batch.cluster import Workers, cores

    if scheduler is not None and cluster is not None:
        raise InputError("give either --scheduler or --cluster, not both.")
    if scheduler is not None and (count or threads):
        raise InputError("--workers and --threads are of this machine: leave them out with --scheduler.")
    number = count or max(1, cores() // (threads or 1))
    each = threads or max(1, cores() // number)
    return Workers(number, each, memory, scheduler, cluster, dict(_tag(one) for one in need))


def _tag(text: str) -> tuple[str, float]:
    name, _, amount = text.partition("=")
    try:
        wanted = float(amount or 1)
    except ValueError:
        wanted = 0.0
    if not name or wanted <= 0:
        raise InputError(f"--need {text!r} is not such as GPU=1.")
    return name, wanted


def _run(request: BatchRequest) -> None:
    from LNStationLib.batch.run import run_batch

    try:
        with console.shown_progress() as progress:
            result = run_batch(request, progress, _say)
    except (KeyboardInterrupt, CancelledError) as error:
        _say(f"Interrupted; cases that were finished are kept in {request.out}. Run the same command again to go on.")
        raise typer.Exit(INTERRUPTED) from error
    _show(result)


def _show(result: BatchResult) -> None:
    from LNStationLib.batch.words import failure_words
    from LNStationLib.export.wording import plural
    from LNStationLib.state.assessment import RESEARCH_USE

    screen = console.make_console()
    counted = [f"{result.count(outcome)} {outcome}" for outcome in ("assessed", "refused", "failed")]
    total = plural(len(result.records), "case")
    screen.print(Text(f"{total}: {', '.join(counted)}; {result.done_before} were done before."), soft_wrap=True)
    without = [record for record in result.records if record.outcome != "assessed"]
    for record in without[:_MAX_SHOWN_FAILURES]:
        screen.print(Text(f"  {record.case_id}: {failure_words(record)}", style="yellow"), soft_wrap=True)
    if len(without) > _MAX_SHOWN_FAILURES:
        screen.print(Text(f"  ... and {len(without) - _MAX_SHOWN_FAILURES} more in failures.csv"))
    for path in result.files:
        screen.print(Text(f"  {path}"), soft_wrap=True)
    screen.print(Text(RESEARCH_USE, style="bold"), soft_wrap=True)


def _say(words: str) -> None:
    console.make_console(stderr=True).print(Text(words), soft_wrap=True)


def scheduler(
    host: Annotated[str, typer.Option(help="Interface to listen on; whoever reaches it can run code.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = _DEFAULT_PORT,
) -> None:
    """Run a scheduler for batches on several machines, until it is interrupted."""
    from LNStationLib.batch.installation import check_installed
    from LNStationLib.batch.services import run_scheduler

    check_installed()
    run_scheduler(host, port, _say)


def worker(
    address: Annotated[str, typer.Argument(help="Of the scheduler, such as tcp://host:8786.")],
    threads: Annotated[int | None, typer.Option(min=1, help="Cores it may use. [default: all]")] = None,
    memory: Annotated[str, typer.Option(help='Its limit, such as "4GB".')] = "auto",
    offer: Annotated[
        list[str] | None, typer.Option(metavar="TAG=N", help="What it has, such as GPU=1; may be repeated.")
    ] = None,
) -> None:
    """Run a worker of a scheduler, until it is interrupted or the scheduler ends."""
    from LNStationLib.batch.cluster import cores
    from LNStationLib.batch.installation import check_installed
    from LNStationLib.batch.services import WorkerRequest, run_worker

    check_installed()
    wanted = WorkerRequest(address, threads or cores(), memory, dict(_tag(one) for one in offer or []))
    run_worker(wanted, _say)
