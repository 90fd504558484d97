"""``python3 run.py train COMMAND``: from a cohort's tables to a model package.

Exit codes as in ``LNStationLib.cli.app``. Heavy modules are imported inside the commands, for a fast
``--help``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from lnstation_training.synthetic import commands
from LNStationLib.cli.errors import GuardedGroup, set_up_logging
from LNStationLib.support import console
from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from lnstation_training.cohort import CohortPatient
    from lnstation_training.evaluating import RunEvaluation
    from lnstation_training.samples import CohortInfo, Sample
    from LNStationLib.sampling.station_region import RegionSpec

PartName = Literal["train", "validation", "test"]
Device = Literal["cpu", "cuda"]
FileTypeName = Literal["png", "svg"]
Precision = Literal["float16", "float32"]

app = typer.Typer(
    name="train",
    cls=GuardedGroup,
    help=(
        "Train a network that says which lymph node stations are metastatic, on your own cohort. Research use only."
        "\n\n"
        "In order: prepare cuts the stations out of the CTs, fit trains on one fold, evaluate gives figures and "
        "plots on the part of the fold that training has not seen, export makes the model package that assess and "
        "Slicer take. experiment does it for all rows and folds of a paper's tables. cohort makes synthetic patients "
        "to try it all with. Tables and a worked example: Training/README.md."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _common(
    debug: Annotated[
        bool, typer.Option("--debug", help="Log every step, and show the traceback of a defect.")
    ] = False,
) -> None:
    set_up_logging(debug)


app.command()(commands.cohort)
app.command()(commands.audit)
app.command()(commands.ideal_observer)


@app.command()
def prepare(
    out: Annotated[Path, typer.Option(help="Folder for the regions; an unfinished one is completed.")],
    patients: Annotated[
        Path | None, typer.Option(help="CSV: patient, ct, stations, and if known nodes, tumor_side, n_category.")
    ] = None,
    pathology: Annotated[
        Path | None,
        typer.Option(help="CSV: patient, station, nodes_taken, nodes_positive; a row for each dissected station."),
    ] = None,
    phantom: Annotated[
        Path | None, typer.Option(help="Instead of both tables: folder of a synthetic cohort.")
    ] = None,
    setting: Annotated[
        Path | None, typer.Option(help="Take the region from this setting of an experiment (a YAML file).")
    ] = None,
    size: Annotated[str, typer.Option(help="Voxels of a region along z,y,x.")] = "32,96,96",
    spacing: Annotated[str, typer.Option(help="Its voxels in mm along z,y,x.")] = "5,0.8,0.8",
    folds: Annotated[int, typer.Option(help="Parts of the cross-validation, 3 or more.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the draw of folds.")] = 0,
    title: Annotated[str | None, typer.Option(help="Name of the cohort, for the cards of models.")] = None,
    description: Annotated[str, typer.Option(help="More about it: hospitals, years, scanners.")] = "",
    workers: Annotated[int, typer.Option(help="Processes; never changes the result.")] = 1,
) -> None:
    """Cut the stations out of a cohort's CTs, once, and draw patient-level folds.

    A station is positive where pathology found at least one metastatic node in it, negative where it was dissected
    and none was found, and unlabeled where it was not dissected. Faulty rows of the tables are all listed.
    """
    from lnstation_training.data_module import SPLITS_FILE
    from lnstation_training.preparation import prepare as prepare_cohort
    from lnstation_training.splits import make_splits, write_splits

    cohort_patients, info = _cohort(patients, pathology, phantom, title, description)
    spec = _region(setting, size, spacing)
    with console.shown_progress() as progress:
        samples = prepare_cohort(cohort_patients, out, info, spec, workers=workers, progress=progress)
    write_splits(out / SPLITS_FILE, make_splits(_positive_stations(samples), folds, seed))
    _show_samples(out, samples, folds)


def _cohort(
    patients: Path | None, pathology: Path | None, phantom: Path | None, title: str | None, description: str
) -> tuple[list[CohortPatient], CohortInfo]:
    from lnstation_training.cohort import cohort_info, read_cohort
    from lnstation_training.synthetic.cohort import cohort_tables

    if phantom is not None and patients is None and pathology is None:
        patients, pathology, _ = cohort_tables(phantom)
    elif patients is None or pathology is None or phantom is not None:
        raise InputError("give --patients and --pathology, or --phantom alone.")
    return read_cohort(patients, pathology), cohort_info(patients, pathology, title, description)


def _region(setting: Path | None, size: str, spacing: str) -> RegionSpec:
    from pydantic import ValidationError

    from lnstation_training.experiment_files import read_setting
    from LNStationLib.sampling.station_region import RegionSpec

    if setting is not None:
        return read_setting(setting.parent, setting.stem).region
    try:
        return RegionSpec.model_validate({"size": size.split(","), "spacing_mm": spacing.split(",")})
    except ValidationError as error:
        raise InputError(f"--size {size} --spacing {spacing}: {error.errors()[0]['msg'].lower()}.") from error


def _positive_stations(samples: list[Sample]) -> dict[str, int]:
    """Number of positive stations of every patient with a labeled one."""
    counts: dict[str, int] = {}
    for sample in samples:
        if sample.label is not None:
            counts[sample.patient] = counts.get(sample.patient, 0) + sample.label
    return counts


def _show_samples(folder: Path, samples: list[Sample], folds: int) -> None:
    from LNStationLib.anatomy.station_groups import group_titles, station_groups

    groups, titles = station_groups(3), group_titles(3)
    table = Table("stations", "labeled", "positive", "with a node", "unlabeled")
    for number, title in enumerate(titles):
        rows = [sample for sample in samples if groups[sample.station] == number]
        labeled = [sample for sample in rows if sample.label is not None]
        counts = (len(labeled), sum(s.label == 1 for s in labeled), sum(s.has_node for s in labeled))
        table.add_row(title, *map(str, counts), str(len(rows) - len(labeled)))
    console.make_console().print(table)
    labeled_patients = len(_positive_stations(samples))
    whole = len({sample.patient for sample in samples})
    _say(f"{folder}: {whole} patients, {labeled_patients} of them with a labeled station, in {folds} folds.")
    _say(f"Next: python3 run.py train fit --config Training/configs/sa_moe.yaml --data.folder {folder} --out RUN")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def fit(ctx: typer.Context) -> None:
    """Train on one fold (fit --help lists every setting; fit --config FILE takes them from YAML).

    The run lies in --out: checkpoints (best on validation data, and last), logs (CSV and TensorBoard), settings. The
    same command again goes on where a stopped run was.
    """
    from lnstation_training.epoch_callbacks import EpochProgress
    from lnstation_training.fitting import fit as fit_run

    with console.shown_progress() as progress:
        run = fit_run(ctx.args, [EpochProgress(progress)])
    if run.trainer.is_global_zero:
        if run.started:
            _say(run.started)
        _say(f"Trained: {run.folder}. Next: python3 run.py train evaluate {run.folder}")


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of fit.")],
    part: Annotated[PartName, typer.Option(help="Part of the fold.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Folder for results. [default: RUN/evaluation_PART]")] = None,
    plots: Annotated[FileTypeName, typer.Option(help="Kind of the figures' files.")] = "png",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "cpu",
    resamples: Annotated[int, typer.Option(help="Of the bootstrap for 95 % intervals.")] = 1000,
) -> None:
    """Figures and plots of a run on the part of its fold that it has not seen.

    AUC, specificity at 75 and 80 % recall, recall at 75 and 80 % specificity, for all stations and each group, with
    intervals drawn by patient; calibration; routing; part of the attention inside nodes. Calibration is fitted on
    the validation part alone.
    """
    from lnstation_training.evaluating import evaluate_run, write_json
    from lnstation_training.evaluation.plots import draw_all

    folder = out or run / f"evaluation_{part}"
    with console.shown_progress() as progress:
        progress("predicting", 0.0)
        found = evaluate_run(run, part, device, resamples)
        progress("done", 1.0)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "results.json", found)
    files = draw_all(folder, found.samples, found.summary, found.n_groups, plots)
    _show_evaluation(found)
    _say(f"Written: {folder / 'results.json'}, {', '.join(path.name for path in files)}")


def _show_evaluation(found: RunEvaluation) -> None:
    from lnstation_training.evaluation.discrimination import METRICS
    from lnstation_training.tables import METRIC_TITLES, estimate_text

    criterion = found.summary.size_criterion
    groups = list(dict.fromkeys(each.group for each in found.summary.metrics))
    table = Table("stations", *(METRIC_TITLES[name] for name in METRICS), "n", "positive")
    for group in groups:
        estimates = [found.summary.metric(name, group) for name in METRICS]
        counts = (str(estimates[0].n_samples), str(estimates[0].n_positive))
        table.add_row(group, *(estimate_text(each) for each in estimates), *counts)
    console.make_console().print(table)
    for words, value in (
        ("AUC of the largest short axis alone", found.summary.size_auc),
        ("AUC of a short axis of at least 10 mm, yes or no", criterion and criterion.auc),
        ("Expected calibration error", found.summary.expected_calibration_error),
        ("Part of the attention inside nodes", found.summary.attention_inside),
        ("Part that could lie inside them on this network's grids", found.attention_ceiling),
    ):
        if value is not None:
            _say(f"{words}: {value:.3f}")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of fit.")],
    out: Annotated[Path, typer.Option(help="Package to write, a .zip file.")],
    package_id: Annotated[str, typer.Option("--id", help="Name in settings: a-z, 0-9, - and _.")],
    title: Annotated[str, typer.Option(help="Name for people.")],
    license_name: Annotated[str, typer.Option("--license", help="Of the weights, such as CC-BY-4.0.")],
    version: Annotated[str, typer.Option(help="Of the package.")] = "1.0.0",
    precision: Annotated[Precision, typer.Option(help="Of the weights.")] = "float16",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "cpu",
) -> None:
    """Make a model package of a run's best model: weights, card, calibration and operating points.

    Calibration and operating points come from the validation part alone; the card's metrics from the test part. The
    package is read back and held to the same logits before the command ends.
    """
    from lnstation_training.export import ExportRequest, export_run

    request = ExportRequest(run, out, package_id, version, title, license_name, precision, device)
    with console.shown_progress() as progress:
        card = export_run(request, progress)
    _say(f"{out}: {card.title}, {card.n_bytes / 1e6:.1f} MB of weights, trained on {card.trained_on} data.")


@app.command()
def experiment(
    folder: Annotated[Path, typer.Argument(help="Holds rows.yaml and settings, as Training/experiments/sa_moe.")],
    data: Annotated[Path, typer.Option(help="Folder of prepare.")],
    out: Annotated[Path, typer.Option(help="Folder for results, ROW/fold_K.json and tables.md.")],
    setting: Annotated[str, typer.Option(help="YAML file beside rows.yaml, without .yaml.")] = "reduced",
    rows: Annotated[str, typer.Option(help="Rows, with commas. [default: the setting's]")] = "",
    folds: Annotated[str, typer.Option(help="Folds, with commas. [default: the setting's]")] = "",
    runs: Annotated[Path | None, typer.Option(help="For checkpoints and logs. [default: OUT-runs]")] = None,
    workers: Annotated[int, typer.Option(help="Runs at a time.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of a run. [default: torch's]")] = None,
    trainer: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE of the trainer, such as accelerator=gpu; may repeat.")
    ] = None,
    tables_only: Annotated[bool, typer.Option("--tables-only", help="Draw the tables from what is there.")] = False,
) -> None:
    """Train and evaluate rows of a paper's tables on folds, and draw the tables; a stopped experiment goes on."""
    from lnstation_training.experiment import Experiment, run_experiment
    from lnstation_training.tables import write_tables

    request = Experiment(
        folder=folder,
        setting=setting,
        data=data,
        out=out,
        runs=runs or out.with_name(f"{out.name}-runs"),
        rows=_listed(rows),
        folds=_whole_numbers(folds),
        workers=workers,
        threads=threads,
        trainer=_key_values(trainer or []),
    )
    if not tables_only:
        with console.shown_progress() as progress:
            made = run_experiment(request, progress)
        _say(f"{made} runs made now.")
    _say(f"Written: {write_tables(folder, out)}")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in _listed(text)]
    except ValueError as error:
        raise InputError(f"--folds {text}: give whole numbers with commas, such as 0,1,2.") from error


def _key_values(pairs: list[str]) -> dict[str, Any]:
    import yaml

    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InputError(f"--trainer {pair}: give KEY=VALUE.")
        values[key] = yaml.safe_load(value)
    return values


def _say(text: str) -> None:
    console.make_console().print(Text(text), soft_wrap=True)


def main() -> None:
    """Run the command line and leave with its exit code."""
    console.survive_narrow_encodings()
    app(prog_name="run.py train")
