"""``python -m Testing.Faults``: faults of every kind put into LNStation, each with a command of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

# Read once, when numpy and ITK are imported: threads do not survive the forks of this program.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ.setdefault(_variable, "1")
# Networks have tests of their own; thousands of inputs have no minute each.
for _variable in ("LNSTATION_NO_ORGAN_NETWORK", "LNSTATION_NO_NODE_NETWORK"):
    os.environ.setdefault(_variable, "1")

import typer  # noqa: E402

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

SeedOption = Annotated[int, typer.Option(help="First seed; an input is decided by its kind and its seed.")]
FolderOption = Annotated[Path | None, typer.Option(help="Keeps what shows a defect. [default: a temporary folder]")]


@app.command()
def inputs(
    count: Annotated[int, typer.Option(help="Inputs over all kinds.")] = 10_000,
    seed: SeedOption = 1,
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds.")] = None,
    out: FolderOption = None,
    record: Annotated[Path | None, typer.Option(help="Also keep the figures in a JSON file.")] = None,
) -> None:
    """Change inputs of every kind and read them as the product does; leaves with 1 where there was a defect."""
    from Testing.Faults import inputs as run
    from Testing.Faults.registry import KINDS

    folder = _folder(out)
    runs = []
    for name, number in run.shares(count, kind or list(KINDS)).items():
        runs.append(run.run_kind(name, range(seed, seed + number), folder, _tell_defects))
        print(f"{name}: {number} inputs, {len(runs[-1].defects)} defects, {runs[-1].seconds:.0f} s", file=sys.stderr)
        if record is not None:
            run.save(runs, record)
    print(run.table(runs))
    raise typer.Exit(int(any(each.defects for each in runs)))


def _folder(out: Path | None) -> Path:
    folder = (out or Path(tempfile.mkdtemp(prefix="lnstation-faults-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tell_defects(ended: object) -> None:
    from Testing.Faults.verdicts import DEFECTS, Ended

    if isinstance(ended, Ended) and ended.outcome in DEFECTS:
        print(f"{ended.outcome}: {ended.said:.400} ({ended.what:.200}) {ended.replay}", file=sys.stderr, flush=True)


@app.command()
def replay(kind: str, seed: int, out: FolderOption = None) -> None:
    """Make one input again and say how it ends."""
    from Testing.Faults.registry import KINDS
    from Testing.Faults.warm_process import run_inputs

    folder = _folder(out)
    (ended,) = run_inputs(KINDS[kind], [seed], folder)
    print(f"{ended.outcome} after {ended.seconds:.1f} s: {ended.said}\n  changed: {ended.what}\n  in {folder}")


@app.command()
def breaks(
    task: Annotated[list[str] | None, typer.Option(help="Only these tasks.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="Only these faults.")] = None,
    points: Annotated[
        int, typer.Option(help="Changes of files at which each is broken off, drawn by the seed.")
    ] = 40,
    point: Annotated[int | None, typer.Option(help="Only at this change.")] = None,
    seed: SeedOption = 1,
    out: FolderOption = None,
) -> None:
    """Kill what writes files, fill its disk or lock its folder, at every change of a file; then do it again."""
    from Testing.Faults import breaks as run
    from Testing.Faults.tasks import TASKS

    folder = _folder(out)
    names, faults = task or list(TASKS), fault or list(run.FAULTS)
    if point is not None:
        trials = [run.Breaker(TASKS[name], folder).broken(one, point) for name in names for one in faults]
    else:
        trials = list(run.break_tasks(names, faults, points, seed, folder))
    print(run.table(trials))
    raise typer.Exit(int(any(one.problems for one in trials)))


@app.command("workers")
def worker_kills(
    points: Annotated[int, typer.Option(help="Kills.")] = 20, seed: SeedOption = 1, out: FolderOption = None
) -> None:
    """Kill the worker of a reading at random moments and let another take up: no edit may be lost."""
    from Testing.Faults import worker_kills as run

    kills = list(run.kill_workers(points, seed, _folder(out)))
    print(run.table(kills))
    raise typer.Exit(int(any(kill.problems for kill in kills)))


@app.command()
def surroundings(out: FolderOption = None) -> None:
    """Assess with little memory, with a clock that is set back, and twice into one folder at the same time."""
    from Testing.Faults import surroundings as run

    trials = list(run.trials(_folder(out)))
    print(run.table(trials))
    raise typer.Exit(int(any(one.problems or one.outcome == "DEFECT" for one in trials)))


@app.command()
def cohort(
    patients: Annotated[int, typer.Option(help="Small patients.")] = 1000,
    broken: Annotated[float, typer.Option(help="Part of them that cannot be read.")] = 0.05,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    seed: SeedOption = 1,
    out: FolderOption = None,
) -> None:
    """Run a batch over a cohort of which some patients are broken: those alone are left out, and named."""
    from Testing.Faults.cohorts import broken_cohort

    found = broken_cohort(_folder(out), patients, broken, seed, workers)
    print(
        f"{found.patients} patients, {len(found.broken)} broken: {len(found.done)} done, {len(found.named)} named, "
        f"{'exactly the broken ones' if found.right else 'NOT THE BROKEN ONES'}; {found.seconds:.0f} s"
    )
    raise typer.Exit(int(not found.right))


if __name__ == "__main__":
    app()
