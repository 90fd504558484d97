"""``batch``: many cases at once; ``batch-scheduler`` and ``batch-worker``: who does them on several machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from LNStationLib.cli.errors import INTERRUPTED
from LNStationLib.cli.method_options import given_settings
from LNStationLib.support import console
from LNStationLib.support.errors import CancelledError, InputError

if TYPE_CHECKING:
    from LNStationLib.batch.cluster import Workers
    from LNStationLib.batch.listing import ListedCase
    from LNStationLib.batch.run import BatchRequest, BatchResult

_DEFAULT_PORT = 8786
_MAX_SHOWN_FAILURES = 10


def batch(
    ctx: typer.Context,
    cases: Annotated[
        Path,
        typer.Option(help="Table of cases (CSV), or a folder of case folders."),
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
        Path | None, typer.Option(metavar="FILE", help="Queue of a cluster (Slurm, PBS, Kubernetes) by a YAML file.")
    ] = None,
    need: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG=N", help="What a case needs of a worker, such as GPU=1; may be repeated."),
    ] = None,
    formats: Annotated[
        str, typer.Option(help="What is written of each case, of: json, csv, nifti, text, html, pdf.")
    ] = "json,csv,nifti,text",
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
) -> None:
    """Assess many cases, each in a folder of its own, and summarize them; run it again to go on where it ended."""
    from LNStationLib.batch.installation import check_installed
    from LNStationLib.batch.run import BatchRequest

    check_installed()
    settings = given_settings(ctx, working_spacing_mm=working_spacing_mm)
    wanted = _workers(workers, threads, memory, scheduler, cluster, need or [])
    request = BatchRequest(
        _cases(cases), out, settings, tuple(formats.replace(",", " ").split()), wanted, retries,
        None if time_limit is None else 60 * time_limit, verify,
    )  # fmt: skip
    _run(request)


def _cases(path: Path) -> list[ListedCase]:
    from LNStationLib.batch.listing import cases_of_folder, cases_of_table, unused_columns

    if not path.exists():
        raise InputError(f"--cases: there is nothing at {path}; check the path.")
    if path.is_dir():
        cases = cases_of_folder(path)
        if not cases:
            raise InputError(f"--cases: {path} holds no case folders; docs/case_format.md says what they look like.")
        return cases
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
    from LNStationLib.batch.reasons import failure_words
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
