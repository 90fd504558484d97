"""The command line: ``python3 run.py COMMAND`` or, once installed, ``lnstation COMMAND``.

Exit codes: 0 success; 2 bad input, with one sentence on standard error; 1 a defect of the program; 130 interrupted.
Heavy modules are imported inside the commands, so that ``--help`` and ``--version`` answer at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from LNStationLib import __version__
from LNStationLib.cli import atlases, models, phantom
from LNStationLib.cli import batch as batch_commands
from LNStationLib.cli import dicom as dicom_commands
from LNStationLib.cli.assessing import Plan, load, run_assessment
from LNStationLib.cli.errors import UserErrorGroup, set_up_logging
from LNStationLib.cli.from_archive import WantedStudy, assess_from_archive
from LNStationLib.cli.language_option import LanguageOption
from LNStationLib.cli.method_options import MethodOptionsCommand, given_settings
from LNStationLib.support import console
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

if TYPE_CHECKING:
    from LNStationLib.case.case import Case
    from LNStationLib.state.settings import Settings

DEMO_FOLDER = Path("lnstation-demo")

SideName = Literal["L", "R"]
Cancer = Literal["lung", "esophagus"]
DemoPatient = Literal["esophagus", "lung"]
PetUnits = Literal["suvbw", "bqml"]
RuleSet = Literal["tnm8", "tnm9", "petct_paper"]


app = typer.Typer(
    name="lnstation",
    cls=UserErrorGroup,
    help="Thoracic lymph node stations on CT and PET/CT: from images to report. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


app.add_typer(phantom.app, name="phantom")
app.add_typer(models.app, name="models")
app.add_typer(atlases.app, name="atlases")
app.command("networks")(models.networks)
app.command("export")(dicom_commands.export)
app.command("batch", cls=MethodOptionsCommand)(batch_commands.batch)
app.command("batch-scheduler")(batch_commands.scheduler)
app.command("batch-worker")(batch_commands.worker)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"LNStation {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Log every step, and show the traceback of a defect.")
    ] = False,
) -> None:
    set_up_logging(debug)


OutOption = Annotated[Path, typer.Option(help="Folder for the results; created if missing.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Write into an output folder that is not empty.")]
RulesOption = Annotated[RuleSet, typer.Option(help="Rules for the N category of lung cancer.")]


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option(help=f"Folder for the results. [default: {DEMO_FOLDER}]")] = None,
    patient: Annotated[
        DemoPatient,
        typer.Option(
            help="esophagus: CT, judged by the shipped network; lung: PET/CT, stations by rules beside atlases, "
            "judged by the shipped networks of PET/CT."
        ),
    ] = "esophagus",
    overwrite: OverwriteOption = False,
    language: LanguageOption = "en",
) -> None:
    """Assess a synthetic patient and write the report; by default one that the shipped network was trained for."""

    def made(progress: Progress) -> Case:
        from LNStationLib.phantom import demo_case, sample_case

        progress("making a synthetic patient", 0.0)
        return demo_case() if patient == "lung" else sample_case("esophagus-clear-signs")

    # The default folder is the demo's own: a second run replaces the first.
    plan = Plan(out or DEMO_FOLDER, overwrite or out is None, language=language)
    run_assessment(made, _demo_settings(patient), plan)


def _demo_settings(patient: DemoPatient) -> Settings:
    """With the shipped model packages that fit the patient where networks can run, else the clinical criteria."""
    from LNStationLib.assessment.methods import settings_for_package
    from LNStationLib.models.package import NStagingSection, StationClassification, StationPatches
    from LNStationLib.networks.installation import missing_packages
    from LNStationLib.state.settings import Settings

    settings = _beside_atlases(Settings()) if patient == "lung" else Settings()
    tasks = (StationPatches.task, NStagingSection.task) if patient == "lung" else (StationClassification.task,)
    shipped = {} if missing_packages() else _shipped_packages()
    for task in tasks:
        if task in shipped:
            settings = settings_for_package(settings, task, shipped[task])
    return settings


def _shipped_packages() -> dict[str, str]:
    """The first shipped package of every task."""
    from LNStationLib.models.package import list_packages

    found: dict[str, str] = {}
    for one in list_packages():
        if one.source == "shipped" and one.manifest is not None:
            found.setdefault(one.manifest.task, str(one.path))
    return found


def _beside_atlases(settings: Settings) -> Settings:
    """Stations by the rules, compared with those of the shipped atlases."""
    from LNStationLib.stations.atlas_registration.method import AtlasRegistration
    from LNStationLib.stations.iaslc_rules import IaslcRules

    rules = settings.stations.with_options(IaslcRules.name, {"compare_with": AtlasRegistration.name})
    return settings.model_copy(update={"stations": rules})


@app.command(cls=MethodOptionsCommand)
def assess(
    ctx: typer.Context,
    out: OutOption,
    case_folder: Annotated[
        Path | None, typer.Argument(help="Folder with case.json; other options override it.")
    ] = None,
    ct: Annotated[Path | None, typer.Option(help="CT: NIfTI, NRRD or MHA file, or DICOM folder.")] = None,
    pet: Annotated[Path | None, typer.Option(help="PET: image file or DICOM folder.")] = None,
    pet_units: Annotated[PetUnits | None, typer.Option(help="Units of a PET that is not a DICOM series.")] = None,
    pet_tracer: Annotated[
        str | None, typer.Option(help="Tracer of a PET whose headers do not say it, such as FDG.")
    ] = None,
    organs: Annotated[Path | None, typer.Option(help="Folder of organ masks, or a label map with names.")] = None,
    nodes: Annotated[Path | None, typer.Option(help="Node mask, instance map, or folder of masks.")] = None,
    tumor: Annotated[Path | None, typer.Option(help="Mask of the primary tumor.")] = None,
    tumor_side: Annotated[SideName | None, typer.Option(help="The patient's side of a lung tumor.")] = None,
    tumor_site: Annotated[str | None, typer.Option(help='Its site, such as "right upper lobe".')] = None,
    cancer: Annotated[Cancer | None, typer.Option(help="Primary cancer; decides the N rules.")] = None,
    case_id: Annotated[
        str | None, typer.Option(help="Name of the case in the report; by default that of the file or case folder.")
    ] = None,
    review: Annotated[
        Path | None, typer.Option(help="A reader's calls to continue: review.json, or a DICOM structured report.")
    ] = None,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Also write DICOM objects into a folder dicom of the results.")
    ] = False,
    dicomweb: Annotated[
        str | None, typer.Option(metavar="URL", help="Archive to fetch CT and PET from, by DICOMweb; with --study.")
    ] = None,
    study: Annotated[str | None, typer.Option(metavar="UID", help="Study Instance UID to fetch.")] = None,
    series: Annotated[
        str | None, typer.Option(metavar="UID", help="Its CT series, where the study has several.")
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="Store the DICOM objects in the archive.")] = False,
    ca: dicom_commands.CaOption = None,
    certificate: dicom_commands.CertificateOption = None,
    token_file: dicom_commands.TokenOption = None,
    keep_study_date: Annotated[
        bool, typer.Option("--keep-study-date", help="Include the study date of the DICOM header in the report.")
    ] = False,
    overwrite: OverwriteOption = False,
    working_spacing_mm: Annotated[
        float,
        typer.Option("--working-spacing", help="Voxel size of the grid for organs and stations, in mm."),
    ] = 1.5,
    language: LanguageOption = "en",
) -> None:
    """Assess a case: stations, nodes, N category and report from a CT and any other images and masks."""
    if case_folder is None and ct is None and dicomweb is None:
        raise InputError("no CT was given: give --ct FILE, or a case folder with case.json.")
    settings = given_settings(ctx, working_spacing_mm=working_spacing_mm)
    given: dict[str, Any] = {
        "ct": ct,
        "pet": pet,
        "pet_units": pet_units,
        "pet_tracer": pet_tracer,
        "organs": organs,
        "nodes": nodes,
        "tumor": tumor,
        "tumor_side": tumor_side,
        "tumor_site": tumor_site,
        "cancer": cancer,
        "case_id": case_id,
    }
    if keep_study_date:
        given["keep_study_date"] = True
    known = ct or (_ct_of(case_folder) if dicom or review else None)
    plan = Plan(out, overwrite, review=review, dicom=dicom, ct=known, language=language)
    if dicomweb is not None:
        archive = dicom_commands.open_archive(dicomweb, ca, certificate, token_file)
        assess_from_archive(archive, WantedStudy(study, series, store, case_folder), given, settings, plan)
        return
    if study or series or store:
        raise InputError("--study, --series and --store need the archive's address: give --dicomweb URL.")
    run_assessment(lambda progress: load(case_folder, given, progress), settings, plan)


@app.command()
def nstage(
    side: Annotated[SideName | None, typer.Option(help="The patient's side of a lung tumor.")] = None,
    stations: Annotated[str, typer.Option(help='Positive stations, such as "4R,7,10L"; "" for none.')] = "",
    rules: RulesOption = "tnm8",
    cancer: Annotated[Cancer, typer.Option(help="Primary cancer.")] = "lung",
    positive_nodes: Annotated[int | None, typer.Option(help="Number of positive nodes (esophagus only).")] = None,
) -> None:
    """Derive the N category from positive stations or from a number of positive nodes."""
    from LNStationLib.cli.summary import show_staging
    from LNStationLib.staging import esophagus_n_category, esophagus_n_lower_bound, lung_n_category
    from LNStationLib.state.assessment import RESEARCH_USE, NStaging
    from LNStationLib.state.reason_codes import recorded

    names = stations.replace(",", " ").split()
    if cancer == "lung" and (side is None or positive_nodes is not None):
        raise InputError("lung cancer is staged by stations and side: give --side L or --side R and --stations.")
    if cancer == "esophagus" and names and positive_nodes is not None:
        raise InputError("give either --positive-nodes or --stations, not both.")
    if side is not None and cancer == "lung":
        answer = lung_n_category(names, side, rules)
    else:
        answer = esophagus_n_lower_bound(names) if positive_nodes is None else esophagus_n_category(positive_nodes)
    staging = NStaging(
        category=answer.category,
        rules=answer.rules,
        is_lower_bound=answer.is_lower_bound,
        deciding_stations=list(answer.deciding_stations),
        explanation=answer.explanation,
        **recorded(answer.warnings),
    )
    screen = console.make_console()
    show_staging(screen, staging)
    screen.print(RESEARCH_USE, style="bold", soft_wrap=True)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output where not given.")] = None,
) -> None:
    """Print the JSON Schema of assessment.json."""
    from LNStationLib.state.schema_file import schema_text, write_schema

    if out is None:
        typer.echo(schema_text(), nl=False)
    else:
        write_schema(out)


def _ct_of(case_folder: Path | None) -> Path | None:
    from LNStationLib.case.case_file import request_from_folder

    return None if case_folder is None else request_from_folder(case_folder).ct


def main() -> None:
    """Run the command line and leave with its exit code."""
    console.survive_narrow_encodings()
    app(prog_name="lnstation")
