"""The command line: what it takes, what it says, and with which exit code it ends."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import SimpleITK as sitk
from assessed_cases import assessed_case
from rich.console import Console
from typer.testing import CliRunner

from LNStationLib import __version__, anatomy
from LNStationLib.assessment.methods import described
from LNStationLib.case.case import Case
from LNStationLib.case.request import CaseRequest
from LNStationLib.cli import app as cli
from LNStationLib.cli.summary import show_assessment
from LNStationLib.imaging.suv import PetUnits
from LNStationLib.metastasis.registry import METHODS as METASTASIS
from LNStationLib.networks.installation import missing_packages
from LNStationLib.staging.registry import METHODS as STAGING
from LNStationLib.staging.rules import Rules
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import RESEARCH_USE, Assessment, CaseSummary, NStaging, StationFinding
from LNStationLib.state.schema_file import schema_text
from LNStationLib.state.settings import STEPS, Settings, StepSettings
from LNStationLib.support import resources
from LNStationLib.support.errors import CancelledError, InputError, OutputError
from LNStationLib.support.progress import Progress

ROOT = Path(__file__).resolve().parents[3]


def finding(station: str, **values: Any) -> StationFinding:
    row = anatomy.station(station)
    values = {"reason": "because", **values}
    return StationFinding(
        station=row.name, label_value=row.label_value, title=row.title, zone=row.zone, side=row.side, **values
    )


def assessment() -> Assessment:
    """Three stations: positive, negative on CT alone, and not found."""
    staging = NStaging(
        category="N2",
        rules="tnm8",
        is_lower_bound=True,
        deciding_stations=["7"],
        positive_stations=["7"],
        not_assessed_stations=["9"],
        explanation="Station 7 is positive.",
        warnings=["Station 9 could not be assessed."],
    )
    return Assessment(
        lnstation_version=__version__,
        created="2026-01-01T00:00:00Z",
        case=CaseSummary(case_id="case", ct_size=(2, 2, 2), ct_spacing_mm=(1, 1, 1), nodes_from="supplied masks"),
        n_category="N2",
        staging=staging,
        stations=[
            finding(
                "7",
                volume_ml=12.34,
                n_nodes=2,
                largest_short_axis_mm=14.06,
                suv_max=7.0,
                call="positive",
                positive_sides=["R"],
            ),
            finding("4R", volume_ml=5.0, n_nodes=0, call="negative"),
            finding("9", warnings=["The inferior pulmonary veins were not found."]),
            finding("8", reason="Nothing could be assessed."),
        ],
        nodes=[],
        organs=[],
        provenance=[],
        warnings=["The azygos arch is a surrogate [placed above the right main bronchus]."],
    )


class Library:
    """Stands in for the parts of the library that read, compute and write; says what it was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.request: Any = None
        self.folder: tuple[Path, dict[str, Any]] | None = None
        self.settings: Settings | None = None
        self.sample: str | None = None
        self.overwrite: bool | None = None
        self.fail: dict[str, BaseException] = {}
        image = sitk.Image([2, 2, 2], sitk.sitkUInt8)
        self.case = Case("case", image)
        self.assessed = assessed_case(assessment(), self.case, image, image, image)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.fail:
            raise self.fail[name]

    def load_case(self, request: Any, progress: Progress) -> Case:
        self.request = request
        progress("reading the CT", 0.0)
        self._called("load")
        return self.case

    def load_case_folder(self, folder: Path, progress: Progress, **overrides: Any) -> Case:
        self.folder = (folder, overrides)
        self._called("load")
        return self.case

    def demo_case(self) -> Case:
        self._called("load")
        return self.case

    def sample_case(self, name: str) -> Case:
        self.sample = name
        self._called("load")
        return self.case

    def assess(self, case: Case, settings: Settings, progress: Progress) -> AssessedCase:
        assert case is self.case
        self.settings = settings
        progress("parsing stations", 0.5)
        progress("parsing stations", 0.6)
        self._called("assess")
        return self.assessed

    def prepare_output_folder(self, out: Path, overwrite: bool) -> None:
        self.overwrite = overwrite
        self._called("prepare")

    def write_outputs(self, assessed: AssessedCase, out: Path, *, overwrite: bool, progress: Progress) -> list[Path]:
        assert assessed is self.assessed
        assert overwrite is self.overwrite
        self._called("write")
        return [out / "assessment.json", out / "report.html"]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()

    def stand_in(name: str, **members: Callable[..., Any]) -> None:
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)

    stand_in("LNStationLib.assessment.assess", assess=library.assess)
    stand_in(
        "LNStationLib.export",
        prepare_output_folder=library.prepare_output_folder,
        write_outputs=library.write_outputs,
    )
    stand_in("LNStationLib.phantom", demo_case=library.demo_case, sample_case=library.sample_case)
    stand_in(
        "LNStationLib.case.from_files",
        load_case=library.load_case,
        load_case_folder=library.load_case_folder,
        CaseRequest=types.SimpleNamespace,
    )
    return library


def call(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, list(arguments), prog_name="lnstation")


def test_version_is_that_of_the_library() -> None:
    result = call("--version")
    assert (result.exit_code, result.stdout) == (0, f"LNStation {__version__}\n")


def test_module_runs_as_a_program_and_answers_without_heavy_imports() -> None:
    code = (
        "import sys, runpy\n"
        "sys.argv = ['lnstation', '--version']\n"
        "try: runpy.run_module('LNStationLib', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'numpy', 'SimpleITK', 'scipy', 'matplotlib', 'pydantic', 'pydicom'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"LNStation {__version__}\n"


def test_help_lists_the_commands() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert all(command in result.stdout for command in ("demo", "assess", "nstage", "schema", "--version"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["assess", "--ct", "ct.nii.gz"], "--out"),
        (["assess", "--out", "o"], "no CT was given"),
        (["assess", "--ct", "c", "--out", "o", "--tumor-side", "X"], "--tumor-side"),
        (["assess", "--ct", "c", "--out", "o", "--working-spacing", "0"], "working_spacing_mm = 0.0"),
        (["assess", "--ct", "c", "--out", "o", "--short-axis-threshold", "wide"], "--short-axis-threshold"),
        (["nstage", "--stations", "7"], "--side L or --side R"),
        (["nstage", "--side", "R", "--stations", "4"], "say 4R or 4L"),
        (["nstage", "--side", "R", "--positive-nodes", "2"], "stations and side"),
        (["nstage", "--cancer", "esophagus", "--positive-nodes", "2", "--stations", "7"], "not both"),
        (["nstage", "--cancer", "esophagus", "--positive-nodes", "-1"], "number of positive nodes"),
        (["schema", "--out", "no/such/folder/schema.json"], "cannot write"),
    ],
)
def test_bad_input_ends_with_two_and_one_clear_sentence(arguments: list[str], words: str, library: Library) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert words in last
    assert result.stdout == ""
    assert library.calls == []


def test_assess_hands_every_argument_to_the_library(library: Library, tmp_path: Path) -> None:
    arguments = {
        "ct": "ct.nii.gz",
        "pet": "pet",
        "pet-units": "suvbw",
        "pet-tracer": "fdg",
        "organs": "organs",
        "nodes": "nodes.nrrd",
        "tumor": "tumor.mha",
        "tumor-side": "R",
        "tumor-site": "right upper lobe",
        "cancer": "lung",
        "case-id": "P 1",
        "rules": "tnm9",
        "node-method": "supplied",
        "node-suv-threshold": "3",
        "node-suv-fraction": "0.41",
        "suv-max-threshold": "3.5",
        "short-axis-threshold": "8",
        "working-spacing": "2",
    }
    flags = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    result = call("assess", *flags, "--out", str(tmp_path / "o"), "--overwrite", "--keep-study-date")
    assert result.exit_code == 0, result.output
    paths = {name: Path(arguments[name]) for name in ("ct", "pet", "organs", "nodes", "tumor")}
    assert vars(library.request) == {
        **paths,
        "pet_units": "suvbw",
        "pet_tracer": "fdg",
        "tumor_side": "R",
        "tumor_site": "right upper lobe",
        "cancer": "lung",
        "case_id": "P 1",
        "keep_study_date": True,
    }
    # A short flag sets the option of every method that declares it.
    thresholds = {"suv_max_threshold": 3.5, "short_axis_threshold_mm": 8}
    judges = {method.name: thresholds for method in METASTASIS if set(thresholds) <= set(method.options.model_fields)}
    stagers = {method.name: {"rules": "tnm9"} for method in STAGING if "rules" in method.options.model_fields}
    assert library.settings == Settings(
        nodes="supplied",
        node_suv_threshold=3,
        node_suv_fraction_of_max=0.41,
        metastasis=StepSettings(options=judges),
        staging=StepSettings(options=stagers),
        working_spacing_mm=2,
    )
    assert library.overwrite is True
    assert library.calls == ["prepare", "load", "assess", "write"]


def test_assess_defaults_are_those_of_the_settings(library: Library, tmp_path: Path) -> None:
    assert call("assess", "--ct", "ct.nii.gz", "--out", str(tmp_path / "o")).exit_code == 0
    assert library.settings == Settings()
    assert library.overwrite is False


def test_request_has_every_field_that_the_command_line_fills(library: Library, tmp_path: Path) -> None:
    call("assess", "--ct", "ct.nii.gz", "--keep-study-date", "--out", str(tmp_path / "o"))
    fields = {field.name for field in dataclasses.fields(CaseRequest)}
    assert set(vars(library.request)) <= fields


def test_choices_are_those_of_the_library() -> None:
    assert get_args(cli.PetUnits) == get_args(PetUnits)
    assert get_args(cli.RuleSet) == get_args(Rules)


def test_help_offers_every_method_and_every_option_with_its_default() -> None:
    help_text = " ".join(call("assess", "--help").stdout.split())
    for row in described():
        names = "|".join([row["automatic"], *(method["name"] for method in row["methods"])])
        assert f"--{row['step']}.method" in help_text
        assert f"[{names}]" in help_text
        for option in (option for method in row["methods"] for option in method["options"]):
            assert option["flag"] in help_text
            if option["default"] not in (None, False):
                assert f"[default: {option['default']}" in help_text


def test_a_method_and_its_options_are_set_by_their_whole_names(library: Library, tmp_path: Path) -> None:
    words = [
        "--nodes.method",
        "pet_threshold",
        "--nodes.pet_threshold.suv_threshold",
        "3.5",
        "--staging.method",
        "auto",
    ]
    assert call("assess", "--ct", "ct.nii.gz", *words, "--out", str(tmp_path / "o")).exit_code == 0
    assert library.settings is not None
    assert library.settings.nodes == StepSettings(
        method="pet_threshold", options={"pet_threshold": {"suv_threshold": 3.5}}
    )
    assert library.settings.staging.method is None


def test_a_flag_that_methods_of_several_steps_share_sets_it_for_all_of_them(library: Library, tmp_path: Path) -> None:
    assert call("assess", "--ct", "ct.nii.gz", "--device", "cpu", "--out", str(tmp_path / "o")).exit_code == 0
    assert library.settings is not None
    given = {
        (step, method)
        for step in STEPS
        for method, options in library.settings.of(step).options.items()
        if options.get("device") == "cpu"
    }
    assert {("organs", "network"), ("stations", "network"), ("metastasis", "station_network")} <= given


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nodes.method", "magic"], "there is no method 'magic' for nodes: choose one of auto, supplied"),
        (["--node-suv-threshold", "-1"], "nodes.pet_threshold.suv_threshold = -1.0: input should be greater than 0"),
        (["--operating-point", "x"], "--operating-point belongs to the method station_network"),
    ],
)
def test_a_choice_that_is_not_allowed_ends_in_one_sentence(
    words: list[str], message: str, library: Library, tmp_path: Path
) -> None:
    result = call("assess", "--ct", "ct.nii.gz", *words, "--out", str(tmp_path / "o"))
    assert result.exit_code == 2
    assert message in result.stderr
    assert library.calls == []


def test_case_folder_is_read_with_what_was_given_besides(library: Library, tmp_path: Path) -> None:
    result = call("assess", str(tmp_path), "--cancer", "esophagus", "--out", str(tmp_path / "o"))
    assert result.exit_code == 0
    assert library.folder is not None
    folder, overrides = library.folder
    assert folder == tmp_path
    assert {name: value for name, value in overrides.items() if value is not None} == {"cancer": "esophagus"}


def test_findings_are_printed_with_reason_warnings_paths_and_purpose(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "o"
    result = call("assess", "--ct", "ct.nii.gz", "--out", str(out))
    lines = result.stdout.splitlines()
    rows = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]] for line in lines if "│" in line
    }
    assert rows["7"] == ["12.3", "2", "14.1", "7.0", "positive (R)"]
    assert rows["4R"] == ["5.0", "0", "-", "-", "negative"]
    assert rows["9"] == ["-", "-", "-", "-", "not found"]
    assert "N category: at least N2 (tnm8)" in lines
    assert "Station 7 is positive." in lines
    assert "  9: The inferior pulmonary veins were not found." in lines
    assert "  8: Nothing could be assessed." in lines
    assert "  Station 9 could not be assessed." in lines
    assert "  The azygos arch is a surrogate [placed above the right main bronchus]." in lines
    assert f"  {out / 'report.html'}" in lines
    assert lines[-1] == RESEARCH_USE


def test_without_a_terminal_progress_is_one_plain_line_a_step(library: Library, tmp_path: Path) -> None:
    result = call("assess", "--ct", "ct.nii.gz", "--out", str(tmp_path / "o"))
    assert result.stderr.splitlines() == ["[  0%] reading the CT", "[ 40%] parsing stations", "[100%] done"]
    assert "\x1b" not in result.stdout + result.stderr


def test_bad_output_folder_fails_before_anything_is_read(library: Library, tmp_path: Path) -> None:
    library.fail["prepare"] = OutputError("o is not empty: give --overwrite or another --out.")
    result = call("assess", "--ct", "ct.nii.gz", "--out", str(tmp_path / "o"))
    assert (result.exit_code, library.calls) == (2, ["prepare"])
    assert result.stderr == "Error: o is not empty: give --overwrite or another --out.\n"


@pytest.mark.parametrize(
    ("step", "error", "exit_code", "message"),
    [
        ("load", InputError("ct.nii.gz is not an image: give a NIfTI file."), 2, "Error: ct.nii.gz is not an image"),
        ("assess", KeyboardInterrupt(), 130, "Interrupted; no file is left half written."),
        ("write", CancelledError(), 130, "Interrupted; no file is left half written."),
        ("assess", RuntimeError("boom"), 1, "Defect in LNStation: RuntimeError: boom. Run it again with --debug"),
        ("write", MemoryError(), 2, "Error: There is not enough memory: close other programs"),
    ],
)
def test_exit_code_tells_bad_input_defect_and_interruption_apart(
    step: str, error: BaseException, exit_code: int, message: str, library: Library, tmp_path: Path
) -> None:
    library.fail[step] = error
    result = call("assess", "--ct", "ct.nii.gz", "--out", str(tmp_path / "o"))
    assert result.exit_code == exit_code
    assert result.stderr.splitlines()[-1].startswith(message)
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_debug_shows_the_traceback_of_a_defect(library: Library, tmp_path: Path) -> None:
    library.fail["assess"] = RuntimeError("boom")
    result = call("--debug", "assess", "--ct", "ct.nii.gz", "--out", str(tmp_path / "o"))
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert result.stderr.splitlines()[-1] == "Defect in LNStation: RuntimeError: boom."


def test_demo_replaces_only_its_own_folder_unasked(library: Library, tmp_path: Path) -> None:
    assert call("demo").exit_code == 0
    assert library.overwrite is True
    assert call("demo", "--out", str(tmp_path)).exit_code == 0
    assert library.overwrite is False


def test_demo_gives_the_network_only_the_patient_that_it_was_trained_for(library: Library) -> None:
    assert call("demo").exit_code == 0
    assert library.sample == "esophagus-clear-signs"
    assert library.settings is not None
    assert library.settings.metastasis.method == (None if missing_packages() else "station_network")
    library.sample = None
    assert call("demo", "--patient", "lung").exit_code == 0
    assert library.sample is None
    methods = (library.settings.metastasis.method, library.settings.staging.method)
    assert methods == ((None, None) if missing_packages() else ("patch_network", "network"))
    assert library.settings.stations.options["iaslc_rules"] == {"compare_with": "atlas_registration"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--side", "R", "--stations", "4R"], "N category: N2 "),
        (["--side", "L", "--stations", "4R, 10L"], "N category: N3 "),
        (["--side", "R", "--stations", "2R 4R", "--rules", "tnm9"], "N category: N2b "),
        (["--side", "R", "--stations", "1R", "--rules", "petct_paper"], "N category: N2 "),
        (["--side", "R", "--stations", ""], "N category: N0 "),
        (["--cancer", "esophagus", "--positive-nodes", "7"], "N category: N3 "),
        (["--cancer", "esophagus", "--stations", "4R,7,8"], "N category: at least N2 "),
    ],
)
def test_nstage_prints_the_category_and_why(arguments: list[str], words: str) -> None:
    result = call("nstage", *arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(words)
    assert result.stdout.rstrip().endswith(RESEARCH_USE)


def test_committed_schema_is_that_of_the_model() -> None:
    committed = resources.resource_path("Schema", "assessment.schema.json").read_text(encoding="utf-8")
    hint = "run: python3 run.py schema --out Resources/Schema/assessment.schema.json"
    assert committed == schema_text(), hint


def test_schema_is_printed_or_written_whole(tmp_path: Path) -> None:
    assert call("schema").stdout == schema_text()
    path = tmp_path / "schema.json"
    assert call("schema", "--out", str(path)).exit_code == 0
    assert path.read_text(encoding="utf-8") == schema_text()
    assert [item.name for item in tmp_path.iterdir()] == ["schema.json"]
    assert {"stations", "nodes", "n_category"} <= set(json.loads(schema_text())["properties"])


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(**variables: str) -> str:
        for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        screen = Console(force_terminal=True, width=100, legacy_windows=False)
        show_assessment(screen, assessment(), [])
        return capsys.readouterr().out

    assert "\x1b[1;31m" in shown(TERM="xterm-256color")
    assert "31m" not in shown(TERM="xterm-256color", NO_COLOR="1")


def test_narrow_encoding_of_the_terminal_breaks_nothing() -> None:
    code = (
        "from LNStationLib.support import console\n"
        "console.survive_narrow_encodings()\n"
        "console.make_console().print('\\u2265 10 mm')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, b"? 10 mm")


def test_too_small_a_limit_of_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("LNStationLib.cli.errors.memory_limit_bytes", lambda: 500 << 20)
    result = call("nstage", "--side", "R", "--stations", "4R")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: memory is limited to 500 MB (ulimit -v) and 1024 MB are the least")
