"""The worker's own environment, made by a real pip from tiny wheels."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from LNStationSlicer.install.Installation import DependencyError
from LNStationSlicer.install.Interpreters import Interpreter, cleanEnvironment
from LNStationSlicer.install.PinnedPackages import PinnedPackages, readPins
from LNStationSlicer.install.UserDataFolder import userDataFolder
from LNStationSlicer.install.WorkerEnvironment import EnvironmentState, WorkerEnvironment
from module.tiny_wheels import file_hashes, run_installation, scratch_python, site_packages, write_wheel

from Testing.Tools import worker_requirements

ROOT = Path(__file__).resolve().parents[4]
Maker = Callable[..., WorkerEnvironment]


@pytest.fixture(scope="module")
def slicers_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that stands for PythonSlicer: its site-packages hold an old ``alpha``."""
    python = scratch_python(tmp_path_factory.mktemp("slicer"))
    wheels = tmp_path_factory.mktemp("old")
    write_wheel(wheels, "alpha", "0.1")
    command = [python, "-m", "pip", "install", "--no-index", "--find-links", wheels, "alpha", "-q"]
    subprocess.run(command, check=True)
    return python


def write_wheels(folder: Path) -> Path:
    """A folder of wheels: ``beta`` needs ``alpha``."""
    write_wheel(folder, "alpha", "1.0")
    write_wheel(folder, "beta", "2.0", ["alpha>=1"])
    return folder


def write_lists(folder: Path) -> PinnedPackages:
    """``beta`` is what is used, ``alpha`` what that needs."""
    (folder / "requirements.txt").write_text("# used\nbeta==2.0\n")
    (folder / "constraints.txt").write_text("alpha==1.0\nbeta==2.0\n")
    (folder / "requirements-networks.txt").write_text("gamma==3.0\n")
    (folder / "requirements-openvino.txt").write_text("# none\n")
    return PinnedPackages.inFolder(folder)


def maker(folder: Path, python: Path, pinned: PinnedPackages) -> Maker:
    """Makes environment objects over one data folder, which know nothing of each other."""
    interpreter = Interpreter(str(python), sys.version_info[:2], isSlicers=True)

    def environment(
        smoke: tuple[str, ...] = ("alpha", "beta"), variables: dict[str, str] | None = None
    ) -> WorkerEnvironment:
        given = cleanEnvironment(variables or dict(os.environ))
        return WorkerEnvironment(folder / "user data", interpreter, pinned, ROOT, given, smoke)

    return environment


@pytest.fixture(autouse=True)
def small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny wheels need no gigabytes."""
    monkeypatch.setattr("LNStationSlicer.install.WorkerEnvironment.NEEDED_BYTES", {False: 1, True: 1})


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    return write_wheels(tmp_path / "wheels")


@pytest.fixture
def pinned(tmp_path: Path) -> PinnedPackages:
    return write_lists(tmp_path)


@pytest.fixture
def make(tmp_path: Path, slicers_python: Path, pinned: PinnedPackages) -> Maker:
    return maker(tmp_path, slicers_python, pinned)


@pytest.fixture(scope="module")
def ready_folder(tmp_path_factory: pytest.TempPathFactory, slicers_python: Path) -> Path:
    """The data folder of a finished installation, to be copied."""
    folder = tmp_path_factory.mktemp("ready")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("LNStationSlicer.install.WorkerEnvironment.NEEDED_BYTES", {False: 1, True: 1})
        environment = maker(folder, slicers_python, write_lists(folder))()
        assert run_installation(environment.installation(write_wheels(folder / "wheels"))).succeeded
    return folder / "user data"


@pytest.fixture
def installed(make: Maker, tmp_path: Path, ready_folder: Path) -> WorkerEnvironment:
    """An environment that is ready."""
    shutil.copytree(ready_folder, tmp_path / "user data", symlinks=True)
    environment = make()
    assert environment.state() is EnvironmentState.READY
    return environment


def worker_says(environment: WorkerEnvironment, code: str, **variables: str) -> str:
    """What a piece of code prints that runs as the worker does."""
    command = environment.workerCommand("timeit", "-n1", "-r1", "-s", code, "pass")
    shown = subprocess.run(
        [command.program, *command.arguments],
        env={**command.environment, **variables},
        check=True,
        capture_output=True,
        text=True,
    )
    return shown.stdout.splitlines()[0]


# Making it


def test_environment_is_made_whole_and_the_stamp_comes_last(make, wheels: Path) -> None:
    environment = make()
    assert environment.state() is EnvironmentState.MISSING
    outcome = run_installation(environment.installation(wheels))
    assert outcome.succeeded, outcome.sentence
    assert make().state() is EnvironmentState.READY
    assert {path.name for path in environment.folder.iterdir()} >= {"packages", "stamp.json", "made-by-lnstation"}
    assert not (environment.folder / "packages.unfinished").exists()


def test_slicers_own_packages_are_not_touched(make, wheels: Path, slicers_python: Path) -> None:
    before = file_hashes(site_packages(slicers_python))
    assert run_installation(make().installation(wheels)).succeeded
    assert file_hashes(site_packages(slicers_python)) == before
    assert "alpha/__init__.py" in before


def test_worker_sees_its_own_packages_and_not_slicers(installed: WorkerEnvironment, slicers_python: Path) -> None:
    # As PythonSlicer's launcher does: Slicer's packages first on the path, whatever the caller says.
    launcher = {"PYTHONPATH": str(site_packages(slicers_python))}
    assert worker_says(installed, "import alpha; print(alpha.version)", **launcher) == "1.0"
    assert worker_says(installed, "import importlib.util as u; print(u.find_spec('pip'))", **launcher) == "None"


def test_worker_finds_the_library_of_this_module(installed: WorkerEnvironment) -> None:
    where = worker_says(installed, "import LNStationLib.anatomy as a; print(a.__file__)")
    assert Path(where) == ROOT / "LNStationLib" / "anatomy" / "__init__.py"


def test_progress_rises_and_names_the_packages(make, wheels: Path) -> None:
    outcome = run_installation(make().installation(wheels))
    assert outcome.fractions == sorted(outcome.fractions)
    assert len(set(outcome.fractions)) >= 3
    assert outcome.fractions[-1] < 1
    assert any("beta" in text for text in outcome.texts)


def test_pip_settings_of_the_user_lead_the_packages_nowhere_else(make, wheels: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    environment = make(variables={**os.environ, "PIP_TARGET": str(elsewhere), "PYTHONPATH": str(elsewhere)})
    assert run_installation(environment.installation(wheels)).succeeded
    assert not elsewhere.exists()


# Breaking off, and going on


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_installation_that_breaks_off_is_seen_and_done_again(step: int, make, wheels: Path) -> None:
    installation = make().installation(wheels)
    run_installation(installation, stop_before=installation.steps[step].title)
    assert make().state() is EnvironmentState.UNFINISHED
    assert run_installation(make().installation(wheels)).succeeded
    assert make().state() is EnvironmentState.READY


def test_a_missing_wheel_is_named_and_can_be_brought_later(make, wheels: Path) -> None:
    (wheels / "alpha-1.0-py3-none-any.whl").unlink()
    outcome = run_installation(make().installation(wheels))
    assert "alpha" in outcome.sentence
    assert str(wheels) in outcome.sentence
    assert make().state() is EnvironmentState.UNFINISHED
    write_wheel(wheels, "alpha", "1.0")
    assert run_installation(make().installation(wheels)).succeeded


@pytest.mark.usefixtures("installed")
def test_a_failed_update_leaves_the_old_packages_and_does_not_call_them_ready(make, wheels: Path, pinned) -> None:
    pinned.requirements.write_text("beta==9.0\n")
    pinned.constraints.write_text("alpha==1.0\nbeta==9.0\n")
    assert make().state() is EnvironmentState.OUTDATED
    assert not run_installation(make().installation(wheels)).succeeded
    assert make().state() is EnvironmentState.OUTDATED
    assert worker_says(make(), "import beta; print(beta.version)") == "2.0"


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("from_scratch", [False, True], ids=["update", "repair"])
@pytest.mark.usefixtures("installed")
def test_a_repair_that_is_cancelled_leaves_the_environment_ready(
    make, wheels: Path, step: int, from_scratch: bool
) -> None:
    before = file_hashes(make().packages)
    repair = make().installation(wheels, fromScratch=from_scratch)
    run_installation(repair, stop_before=repair.steps[step].title)
    assert make().state() is EnvironmentState.READY
    assert file_hashes(make().packages) == before
    assert not list(make().folder.glob("packages.*"))


@pytest.mark.usefixtures("installed")
def test_adding_learned_models_that_fails_leaves_what_worked(make, wheels: Path) -> None:
    assert not run_installation(make().installation(wheels, withNetworks=True)).succeeded
    assert make().state() is EnvironmentState.READY
    assert not make().hasNetworks()


@pytest.mark.parametrize("what", ["the new packages", "the stamp"])
@pytest.mark.usefixtures("installed")
def test_an_exchange_that_fails_puts_the_old_packages_back(make, wheels: Path, monkeypatch, what: str) -> None:
    before = file_hashes(make().packages)
    plain = {"rename": Path.rename, "replace": os.replace}
    failures = [OSError("in use")]

    def rename(path: Path, target: Path) -> Path:
        if what == "the new packages" and path.name == "packages.unfinished" and failures:
            raise failures.pop()
        return plain["rename"](path, target)

    def replace(source: Path, target: Path) -> None:
        if what == "the stamp" and failures:
            raise failures.pop()
        plain["replace"](source, target)

    monkeypatch.setattr("LNStationSlicer.install.WorkerEnvironment.Path.rename", rename)
    monkeypatch.setattr("LNStationSlicer.install.WorkerEnvironment.os.replace", replace)
    assert "is in use" in run_installation(make().installation(wheels, fromScratch=True)).sentence
    assert failures == []
    assert make().state() is EnvironmentState.READY
    assert file_hashes(make().packages) == before


def test_a_slicer_that_may_not_install_leaves_what_another_is_making(make, wheels: Path) -> None:
    first = make().installation(wheels)
    first.begin()
    made = make().folder / "packages.unfinished" / "half.py"
    made.parent.mkdir()
    made.write_text("")
    run_installation(make().installation(wheels))
    assert made.exists()
    first.end()


@pytest.mark.usefixtures("installed")
def test_a_comment_in_the_lists_makes_nothing_outdated(make, pinned) -> None:
    pinned.requirements.write_text("# another word\n\nbeta==2.0  # why\n")
    assert make().state() is EnvironmentState.READY


def test_packages_that_do_not_work_are_not_called_ready(make, wheels: Path) -> None:
    environment = make(smoke=("nothing_of_this_name",))
    outcome = run_installation(environment.installation(wheels))
    assert "nothing_of_this_name" in outcome.sentence
    assert environment.state() is EnvironmentState.UNFINISHED


def test_two_slicers_do_not_install_at_once(make, wheels: Path) -> None:
    first = make().installation(wheels)
    first.begin()
    try:
        assert "Another Slicer" in run_installation(make().installation(wheels)).sentence
        with pytest.raises(DependencyError, match="Another Slicer"):
            make().remove()
    finally:
        first.end()
    assert run_installation(make().installation(wheels)).succeeded


def test_a_full_disk_is_said_before_anything_is_fetched(make, wheels: Path, monkeypatch) -> None:
    full = SimpleNamespace(free=0)
    monkeypatch.setattr("LNStationSlicer.install.WorkerEnvironment.shutil.disk_usage", lambda _folder: full)
    outcome = run_installation(make().installation(wheels))
    assert "free some space" in outcome.sentence
    assert outcome.lines == []


def test_a_python_without_pip_is_named(make, wheels: Path, pinned, tmp_path: Path) -> None:
    wrong = Interpreter(sys.executable, (3, 9))
    environment = WorkerEnvironment(tmp_path / "data", wrong, pinned, ROOT, cleanEnvironment(os.environ))
    outcome = run_installation(environment.installation(wheels))
    assert outcome.sentence.startswith(f"{sys.executable} is not Python 3.9 with pip")


# Repair and remove


def test_damage_is_found_by_the_check_and_mended_by_an_installation(
    wheels: Path, installed: WorkerEnvironment
) -> None:
    (installed.packages / "alpha" / "__init__.py").write_text("")
    check = installed.workerCommand("--check", str(_write_list(installed.folder, "alpha==1.0")))
    found = subprocess.run(
        [check.program, *check.arguments], env=dict(check.environment), capture_output=True, text=True
    )
    assert (found.returncode, "alpha/__init__.py is damaged" in found.stdout) == (1, True)
    assert run_installation(installed.installation(wheels, fromScratch=True)).succeeded
    assert worker_says(installed, "import alpha; print(alpha.version)") == "1.0"


@pytest.mark.parametrize(("line", "problem"), [("alpha==7.0", "1.0 instead of 7.0"), ("delta==1.0", "missing")])
def test_check_names_wrong_and_missing_packages(line: str, problem: str, installed: WorkerEnvironment) -> None:
    check = installed.workerCommand("--check", str(_write_list(installed.folder, line)))
    found = subprocess.run(
        [check.program, *check.arguments], env=dict(check.environment), capture_output=True, text=True
    )
    assert found.returncode == 1
    assert problem in found.stdout


def _write_list(folder: Path, line: str) -> Path:
    path = folder / "list.txt"
    path.write_text(line + "\n")
    return path


@pytest.mark.usefixtures("installed")
def test_removing_leaves_nothing_but_the_lock(make, tmp_path: Path) -> None:
    make().remove()
    assert make().state() is EnvironmentState.MISSING
    assert [path.suffix for path in (tmp_path / "user data").iterdir()] == [".lock"]
    make().remove()


def test_a_folder_that_someone_else_made_is_left_alone(make, wheels: Path) -> None:
    environment = make()
    precious = environment.folder / "precious"
    precious.parent.mkdir(parents=True)
    precious.write_text("")
    assert environment.state() is EnvironmentState.FOREIGN
    assert "was not made by LNStation" in run_installation(environment.installation(wheels)).sentence
    with pytest.raises(DependencyError, match="was not made by LNStation"):
        environment.remove()
    assert precious.exists()


# The lists, and the folder


def test_lists_in_resources_are_made_from_pyproject_and_constraints() -> None:
    folder = ROOT / "Resources" / "Worker"
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.stem[:4] != "lock"}
    assert written == worker_requirements.lists()


def test_every_package_of_the_project_is_in_the_lists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = PinnedPackages.inFolder(ROOT / "Resources" / "Worker")
    assert [str(pin) for pin in readPins(lists.requirements)] == project["dependencies"]
    assert [str(pin) for pin in readPins(lists.networks)] == project["optional-dependencies"]["networks"]
    assert [str(pin) for pin in readPins(lists.engine)] == project["optional-dependencies"]["openvino"]
    held = {str(pin).lower() for pin in readPins(lists.constraints)}
    assert set(project["dependencies"]) <= held


def test_a_line_that_is_no_pin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("alpha>=1\n")
    with pytest.raises(ValueError, match=r"'alpha>=1' is not name==version"):
        readPins(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"HOME": "/home/a"}, "/home/a/.local/share/LNStation"),
        ("linux", {"HOME": "/home/a", "XDG_DATA_HOME": "/data"}, "/data/LNStation"),
        ("darwin", {"HOME": "/Users/a"}, "/Users/a/Library/Application Support/LNStation"),
        ("win32", {"HOME": "/u", "LOCALAPPDATA": "/u/Local", "APPDATA": "/u/Roaming"}, "/u/Local/LNStation"),
        ("linux", {"HOME": "/home/a", "LNSTATION_DATA": "/big/disk"}, "/big/disk"),
    ],
)
def test_data_lies_in_the_users_local_folder(platform: str, variables, expected: str, monkeypatch) -> None:
    monkeypatch.setattr("LNStationSlicer.install.UserDataFolder.sys.platform", platform)
    assert userDataFolder(variables) == Path(expected)


def test_stamp_says_what_was_installed(make, wheels: Path, pinned) -> None:
    environment = make()
    write_wheel(wheels, "gamma", "3.0")
    run_installation(environment.installation(wheels, withNetworks=True))
    stamp = json.loads((environment.folder / "stamp.json").read_text())
    assert stamp == {"digest": pinned.digest(True), "networks": True}
    assert environment.hasNetworks()
    assert worker_says(environment, "import gamma; print(gamma.version)") == "3.0"


# Hashes


def write_lock(folder: Path, wheels: Path) -> None:
    lines = [
        f"{path.name.split('-')[0]}=={path.name.split('-')[1]} --hash=sha256:{sha256(path)}"
        for path in wheels.iterdir()
    ]
    (folder / "lock.txt").write_text("\n".join(lines) + "\n")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_only_the_files_whose_hashes_are_in_the_lock_are_installed(make, wheels: Path, tmp_path: Path) -> None:
    write_lock(tmp_path, wheels)
    environment = make()
    (wheels / "alpha-1.0-py3-none-any.whl").unlink()
    write_wheel(wheels, "alpha", "1.0", size=1)
    outcome = run_installation(environment.installation(wheels))
    assert outcome.sentence.startswith("A package is damaged, or is not the one LNStation was made with")
    assert environment.state() is not EnvironmentState.READY
    (wheels / "alpha-1.0-py3-none-any.whl").unlink()
    write_wheel(wheels, "alpha", "1.0")
    write_lock(tmp_path, wheels)
    assert run_installation(environment.installation(wheels)).succeeded
