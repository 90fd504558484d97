"""The house: what is pinned, packed, installed and forbidden; and how run.py sets itself up."""

from __future__ import annotations

import ast
import importlib.metadata
import io
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

import run
from LNStationLib import __version__
from LNStationLib.batch import installation
from LNStationLib.support import resources

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINNED = re.compile(r"[a-z0-9_.-]+==[0-9][0-9a-z.]*")

# Distribution to the module it brings, where the names differ.
MODULE_OF = {
    "connected-components-3d": "cc3d",
    "convexadam": "convexAdam",
    "dicomweb-client": "dicomweb_client",
    "picsl-greedy": "picsl_greedy",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "simpleitk": "SimpleITK",
}


def requirements() -> dict[str, list[str]]:
    """Every group of requirements; ``""`` is the run-time group."""
    return {"": PROJECT["project"]["dependencies"], **PROJECT["project"]["optional-dependencies"]}


def python_files(folder: str) -> list[Path]:
    """Every Python file under a top-level folder."""
    return sorted((ROOT / folder).rglob("*.py"))


def imported(tree: ast.AST, *, top_level_only: bool = False) -> set[str]:
    """Top-level names of the modules that a file imports."""
    nodes: Iterator[ast.AST] = iter(tree.body) if top_level_only and isinstance(tree, ast.Module) else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def third_party(names: set[str]) -> set[str]:
    """Those names that are neither the standard library's nor this project's."""
    return names - set(sys.stdlib_module_names) - {"LNStationLib", "lnstation_training"}


# What is pinned


@pytest.mark.parametrize("group", sorted(requirements()))
def test_every_requirement_is_pinned_to_one_version(group: str) -> None:
    assert [line for line in requirements()[group] if not PINNED.fullmatch(line)] == []


def test_no_distribution_stands_in_two_groups() -> None:
    names = [line.split("==")[0] for lines in requirements().values() for line in lines]
    assert sorted(set(names)) == sorted(names)


def test_constraints_hold_every_requirement_to_the_same_version() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    held = {line.lower() for line in text.splitlines() if line and not line.startswith("#")}
    assert all(PINNED.fullmatch(line) for line in held)
    assert {
        line for group in ("", "test", "lint", "batch", "public-data") for line in requirements()[group]
    } - held == set()


def test_installed_versions_are_the_pinned_ones() -> None:
    lines = [line for group in ("", "test", "batch", "public-data") for line in requirements()[group]]
    wrong = [line for line in lines if importlib.metadata.version(line.split("==")[0]) != line.split("==")[1]]
    assert wrong == []


def test_library_imports_only_what_is_required() -> None:
    required = {MODULE_OF.get(name, name) for name in (line.split("==")[0] for line in requirements()[""])}
    lines = [line for group in ("networks", "openvino", "registration", "batch") for line in requirements()[group]]
    optional = {MODULE_OF.get(name, name) for name in (line.split("==")[0] for line in lines)} | {"totalsegmentator"}
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in python_files("LNStationLib")}
    surplus = {path.name: third_party(imported(tree)) - required - optional for path, tree in trees.items()}
    assert {name: modules for name, modules in surplus.items() if modules} == {}


def test_every_requirement_is_used() -> None:
    used = {name for path in python_files("LNStationLib") for name in imported(ast.parse(path.read_text("utf-8")))}
    idle = [
        line for line in requirements()[""] if MODULE_OF.get(line.split("==")[0], line.split("==")[0]) not in used
    ]
    assert idle == []


def test_what_batches_tell_users_to_install_is_what_is_pinned() -> None:
    assert set(installation.REQUIREMENTS) | {"pyarrow==26.0.1"} == set(requirements()["batch"])


# What may not be imported


def test_learned_models_are_optional_at_import() -> None:
    lines = [line for group in ("networks", "openvino", "registration") for line in requirements()[group]]
    optional = {MODULE_OF.get(name, name) for name in (line.split("==")[0] for line in lines)}
    optional |= {"totalsegmentator"}
    eager = {
        path.name
        for path in python_files("LNStationLib")
        if not {"networks", "runtime"} & set(path.parts)
        and imported(ast.parse(path.read_text(encoding="utf-8")), top_level_only=True) & optional
    }
    assert eager == set()


def test_slicer_module_never_imports_torch() -> None:
    heavy = {"torch", "monai", "lightning", "pydantic"}
    guilty = {p.name for p in python_files("LNStation") if imported(ast.parse(p.read_text("utf-8"))) & heavy}
    assert guilty == set()


@pytest.mark.parametrize("module", ["LNStationLib", "LNStationLib.anatomy", "LNStationLib.support.resources"])
def test_tables_load_without_any_third_party_package(module: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}, LNStationLib.anatomy as a; a.stations()"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, timeout=60)


# What is packed and installed


def test_wheel_lists_every_package_and_the_resources() -> None:
    folders = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in python_files("LNStationLib")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders | {"LNStationLib.Resources"}
    assert PROJECT["tool"]["setuptools"]["package-dir"] == {"LNStationLib.Resources": "Resources"}
    assert PROJECT["tool"]["setuptools"]["package-data"] == {"LNStationLib.Resources": ["**/*"]}


def test_every_package_says_that_it_is_one() -> None:
    bare = {path.parent for path in python_files("LNStationLib") if not (path.parent / "__init__.py").exists()}
    assert bare == set()


def test_version_comes_from_the_library_alone() -> None:
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "LNStationLib.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_resources_are_found_beside_and_inside_the_package(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "LNStationLib"
    table = (tmp_path if place == "beside" else package) / "Resources" / "Anatomy" / "stations.json"
    table.parent.mkdir(parents=True)
    package.mkdir(exist_ok=True)
    table.write_text("{}")
    source = (ROOT / "LNStationLib" / "support" / "resources.py").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__file__": str(package / "support" / "resources.py")}
    exec(compile(source, names["__file__"], "exec"), names)
    assert names["resource_path"]("Anatomy", "stations.json") == table.resolve()


def test_a_missing_resource_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"Resources/Anatomy/nothing\.json"):
        resources.resource_path("Anatomy", "nothing.json")


# How run.py sets itself up


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> run.Environment:
    """An environment whose interpreter and pip are pretended; ``calls`` holds the commands that were run."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("c==1\n")
    environment = run.Environment(tmp_path / ".venv", constraints)
    calls: list[list[str]] = []

    def pretend(command: list[str], complaint: str, log: Path) -> None:
        calls.append(command)
        if "venv" in command:
            environment.python.parent.mkdir(parents=True)
            environment.python.write_text("")

    monkeypatch.setattr(run, "run_or_fail", pretend)
    monkeypatch.setattr(environment, "calls", calls, raising=False)
    return environment


def pip_calls(environment: Any) -> list[list[str]]:
    """The requirements of each pretended installation."""
    return [command[command.index("--constraint") + 2 :] for command in environment.calls if "pip" in command]


def test_setup_installs_once_and_then_touches_nothing(environment: run.Environment) -> None:
    environment.make_ready({"": ["a==1", "b==2"]})
    environment.make_ready({"": ["b==2", "a==1"]})
    assert pip_calls(environment) == [["a==1", "b==2"]]


def test_setup_follows_a_changed_requirement(environment: run.Environment) -> None:
    environment.make_ready({"": ["a==1"]})
    environment.make_ready({"": ["a==2"]})
    assert pip_calls(environment) == [["a==1"], ["a==2"]]


def test_setup_follows_a_changed_constraint(environment: run.Environment) -> None:
    environment.make_ready({"": ["a==1"]})
    environment.constraints.write_text("c==2\n")
    environment.make_ready({"": ["a==1"]})
    assert len(pip_calls(environment)) == 2


def test_setup_adds_the_groups_that_a_command_needs(environment: run.Environment) -> None:
    environment.make_ready({"": ["a==1"]})
    environment.make_ready({"": ["a==1"], "test": ["t==1"]})
    environment.make_ready({"": ["a==1"]})
    assert pip_calls(environment) == [["a==1"], ["a==1", "t==1"]]
    assert set(environment.installed()) == {"", "test"}


def test_interrupted_setup_is_done_again(environment: run.Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend = run.run_or_fail

    def interrupted(command: list[str], complaint: str, log: Path) -> None:
        pretend(command, complaint, log)
        if "pip" in command:
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_or_fail", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environment.make_ready({"": ["a==1"]})
    half = environment.folder / "half-installed"
    half.write_text("")
    monkeypatch.setattr(run, "run_or_fail", pretend)
    environment.make_ready({"": ["a==1"]})
    assert not half.exists()
    assert environment.ready({"": ["a==1"]})


def test_failed_addition_takes_the_stamp_away(environment: run.Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    environment.make_ready({"": ["a==1"]})

    def fail(command: list[str], complaint: str, log: Path) -> None:
        raise run.SetupError(complaint)

    monkeypatch.setattr(run, "run_or_fail", fail)
    with pytest.raises(run.SetupError, match="network"):
        environment.make_ready({"": ["a==2"]})
    assert not environment.ready({"": ["a==1"]})


def test_foreign_virtual_environment_is_left_alone(environment: run.Environment) -> None:
    environment.folder.mkdir()
    precious = environment.folder / "precious"
    precious.write_text("")
    with pytest.raises(run.SetupError, match=r"was not made by run\.py"):
        environment.make_ready({"": ["a==1"]})
    assert precious.exists()


def test_environment_without_its_interpreter_is_made_again(environment: run.Environment) -> None:
    environment.make_ready({"": ["a==1"]})
    environment.python.unlink()
    environment.make_ready({"": ["a==1"]})
    assert len(pip_calls(environment)) == 2
    assert environment.python.exists()


NOISE = """
import sys
for number in range(40):
    print("WARNING: Location 'file:///wheels' is ignored", file=sys.stderr)
    print(f"Collecting package-{number}==1.0 (from constraints)")
"""


def test_what_a_package_client_prints_goes_to_the_log_and_not_to_the_user(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "set-up.log"
    run.run_or_fail([sys.executable, "-c", NOISE], "never said", log)
    assert capfd.readouterr() == ("", "")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines.count("WARNING: Location 'file:///wheels' is ignored") == 40
    assert lines[-1] == "Collecting package-39==1.0 (from constraints)"
    assert lines[0].startswith(f"$ {sys.executable} -c")


def test_a_failed_step_shows_the_end_of_its_log_with_each_warning_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = f"{NOISE}\nprint('ERROR: No space left on device', file=sys.stderr)\nsys.exit(1)"
    with pytest.raises(run.SetupError, match="the complaint"):
        run.run_or_fail([sys.executable, "-c", code], "the complaint", tmp_path / "set-up.log")
    said = capfd.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) <= run.TAIL_LINES
    assert lines[-1] == "  ERROR: No space left on device"
    assert said.err.count("is ignored") <= 1


def test_a_program_that_is_not_there_fails_with_the_complaint(tmp_path: Path) -> None:
    with pytest.raises(run.SetupError, match="the complaint"):
        run.run_or_fail([str(tmp_path / "nothing")], "the complaint", tmp_path / "set-up.log")


def test_bytes_that_are_no_text_do_not_break_the_log(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\xe9t\\xe9\\n')"
    assert run.run_logged([sys.executable, "-c", code], tmp_path / "set-up.log") == (0, ["\ufffdt\ufffd"])


def test_an_interrupted_step_ends_its_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(line: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "activity", interrupt)
    code = "import time; print('Collecting a', flush=True); time.sleep(60)"
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run.run_logged([sys.executable, "-c", code], tmp_path / "set-up.log")
    assert time.monotonic() - started < 30


class Terminal(io.StringIO):
    """Remembers what is written to it, as a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.shutil, "get_terminal_size", lambda: os.terminal_size((30, 20)))
    terminal = Terminal()
    with run.ProgressLine(terminal) as progress:
        for line in (
            "Collecting numpy==2.4.6 (from x)",
            "WARNING: ignored",
            "Downloading a/long-name-of-a-wheel.whl",
        ):
            progress.show(run.activity(line))
    written = terminal.getvalue().split("\r")
    assert [text.strip() for text in written] == [
        "", "collecting numpy==2.4.6", "downloading long-name-of-a-", "", ""
    ]  # fmt: skip
    assert max(map(len, written)) == 29
    assert "\n" not in terminal.getvalue()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Collecting numpy==2.4.6 (from -r x)", "collecting numpy==2.4.6"),
        ("  Downloading https://host/a/numpy-2.4.6.whl (18 MB)", "downloading numpy-2.4.6.whl"),
        ("  Building wheel for edt (pyproject.toml): started", "building edt"),
        ("Installing collected packages: a, b", "installing the packages"),
        ("Collecting", ""),
        ("WARNING: Location 'file:///wheels' is ignored", ""),
        ("", ""),
    ],
)
def test_what_the_set_up_is_at_is_read_from_pips_lines(line: str, said: str) -> None:
    assert run.activity(line) == said


def test_the_log_lies_beside_the_environment_and_is_named_where_the_installation_fails(
    environment: run.Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.make_ready({"": ["a==1"]})
    assert environment.log == environment.folder.with_name(".venv.log")
    assert "log in .venv.log" in capsys.readouterr().err

    def fail(command: list[str], complaint: str, log: Path) -> None:
        raise run.SetupError(complaint)

    monkeypatch.setattr(run, "run_or_fail", fail)
    with pytest.raises(run.SetupError, match=r"the end of .*\.venv\.log is above"):
        environment.make_ready({"": ["a==2"]})


def test_the_launcher_can_be_read_by_python_3_6() -> None:
    tree = ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 6))
    at_top = imported(tree, top_level_only=True)
    known = "contextlib hashlib json os pathlib shutil subprocess sys tempfile typing"
    assert at_top <= set(known.split())


def test_requirements_of_each_command_come_from_pyproject() -> None:
    for command in ("assess", "demo"):
        assert set(run.read_requirements(command)) == {"", "networks", "openvino"}
    assert run.read_requirements("phantom") == {"": requirements()[""]}
    assert set(run.read_requirements("models", ["models", "verify", "--build", "a.zip"])) == {"", "networks"}
    assert set(run.read_requirements("networks", ["networks", "--json"])) == {"", "networks"}
    train = {"", "networks", "openvino", "training"}
    assert set(run.read_requirements("train", ["train", "data", "list"])) == train
    assert set(run.read_requirements("train", ["train", "data", "fetch", "lctsc"])) == train | {"public-data"}
    for command in ("batch", "batch-scheduler", "batch-worker"):
        assert set(run.read_requirements(command)) == {"", "networks", "openvino", "batch"}
    assert "registration" in run.read_requirements("assess", ["assess", "--registration-engine", "convex_adam"])
    every = {"", "test", "lint", "host", "networks", "openvino", "registration", "batch", "public-data", "training"}
    assert set(run.read_requirements("test")) == every


@pytest.mark.parametrize(
    ("version", "fits"), [((3, 10), False), ((3, 11), True), ((3, 12), True), ((3, 13), False), ((4, 0), False)]
)
def test_suitable_pythons_are_those_of_pyproject(version: tuple[int, int], fits: bool) -> None:
    assert run.suitable(version) is fits
    assert PROJECT["project"]["requires-python"] == ">=3.11,<3.13"


@pytest.mark.skipif(os.name == "nt", reason="pretends an interpreter with a shell script")
def test_a_shim_with_no_python_behind_it_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.11"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run.find_python() is None
    (tmp_path / "python3.12").write_text("#!/bin/sh\necho 12 /somewhere/python3.12\n")
    (tmp_path / "python3.12").chmod(0o755)
    assert run.find_python() == "/somewhere/python3.12"


def test_without_a_suitable_python_it_says_so_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "suitable", lambda version: False)
    monkeypatch.setattr(run, "find_python", lambda: None)
    assert run.main(["demo"]) == 1
    assert "needs Python 3.11 or 3.12" in capsys.readouterr().err


def test_arguments_reach_the_command_line_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[list[str]] = []
    monkeypatch.setattr(run.Environment, "make_ready", lambda self, wanted: None)
    monkeypatch.setattr(run, "hand_over", lambda python, arguments: handed.append(arguments) or 2)
    assert run.main(["assess", "--ct", "a b.nii.gz", "--out", "test"]) == 2
    assert handed == [["assess", "--ct", "a b.nii.gz", "--out", "test"]]


@pytest.mark.parametrize("faulty", ["codespell_lib", "mypy"])
def test_failed_check_fails_the_run_though_the_tests_pass(
    faulty: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    commands: list[list[str]] = []

    def pretend(command: list[str], **options: object) -> int:
        commands.append(command)
        return 1 if faulty in command else 0

    class Beside:
        def __init__(self, command: list[str], stdout: IO[str], **options: object) -> None:
            self.returncode = pretend(command)
            stdout.write("what mypy found")

        def wait(self) -> int:
            return self.returncode

    monkeypatch.setattr(run.subprocess, "call", pretend)
    monkeypatch.setattr(run.subprocess, "Popen", Beside)
    assert run.test(Path("python"), ["-k", "house"]) == 1
    assert commands[-1][-6:] == ["-n", "2", "--dist", "worksteal", "-k", "house"]
    assert len(commands) == 6
    shown = capfd.readouterr()
    assert f"Checks failed: {faulty.removesuffix('_lib')}" in shown.err
    assert ("what mypy found" in shown.out) == (faulty == "mypy")


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [line for line in script.splitlines() if "run.py" in line] == ["python3 run.py test"]


def test_results_beside_the_sources_are_not_spell_checked() -> None:
    skipped = PROJECT["tool"]["codespell"]["skip"].split(",")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    results = [line.strip("/") for line in ignored if line.startswith("/")]
    assert "lnstation-demo" in results
    assert set(results) <= set(skipped)
