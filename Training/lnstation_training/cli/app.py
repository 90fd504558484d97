"""``python3 run.py train COMMAND``: from a cohort's tables to a model package.

Exit codes as in ``LNStationLib.cli.app``. Heavy modules are imported inside the commands, for a fast
``--help``.
"""

from __future__ import annotations

from typing import Annotated

import typer

from lnstation_training.cli.appearance import show_augmentation
from lnstation_training.cli.backbone import backbone
from lnstation_training.cli.batch_stations import use_stations
from lnstation_training.cli.experiment import experiment
from lnstation_training.cli.localization import StationMethodsCommand, evaluate_stations
from lnstation_training.cli.organ_channels import organ_channels
from lnstation_training.cli.prepare import prepare
from lnstation_training.cli.public_data import app as public_data
from lnstation_training.cli.recalibration import recalibrate
from lnstation_training.cli.runs import evaluate, export, fit, package_weights
from lnstation_training.synthetic import commands as synthetic
from LNStationLib.cli.errors import UserErrorGroup, set_up_logging
from LNStationLib.support import console

app = typer.Typer(
    name="train",
    cls=UserErrorGroup,
    help=(
        "Train networks for lymph nodes on your own cohort. Research use only.\n\n"
        "In order: prepare makes samples of the CTs, such as a region of each station, fit trains on one fold, "
        "evaluate gives figures and plots on the part of the fold that training has not seen, export makes the model "
        "package that assess and Slicer take. experiment does it for all rows and folds of a paper's tables. cohort "
        "makes synthetic patients to try it all with. Tables and a worked example: Training/README.md."
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


app.command()(synthetic.cohort)
app.command()(synthetic.audit)
app.command()(synthetic.ideal_observer)
app.command()(use_stations)
app.command()(prepare)
app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)(fit)
app.command()(evaluate)
app.command()(export)
app.command()(recalibrate)
app.command()(package_weights)
app.command()(organ_channels)
app.command()(experiment)
app.command(cls=StationMethodsCommand)(evaluate_stations)
app.command()(backbone)
app.command()(show_augmentation)
app.add_typer(public_data, name="data")


def main() -> None:
    """Run the command line and leave with its exit code."""
    console.survive_narrow_encodings()
    app(prog_name="run.py train")
