"""Whether the worker can start, how, and what the user is told."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from LNStationSlicer.install import Dependencies as dependencies_module
from LNStationSlicer.install.Dependencies import Dependencies, Surroundings
from LNStationSlicer.install.Installation import DependencyError
from LNStationSlicer.install.Interpreters import (
    Interpreter,
    cleanEnvironment,
    developerInterpreter,
    otherInterpreter,
    slicerInterpreter,
    suitable,
)
from LNStationSlicer.install.WorkerEnvironment import WorkerEnvironment

ROOT = Path(__file__).resolve().parents[4]


class Settings(dict):
    """Stands for ``QSettings``."""

    def value(self, key: str, default: object = None) -> object:
        return self.get(key, default)

    def setValue(self, key: str, value: object) -> None:
        self[key] = value


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An installed extension: no source tree, so no developer's Python."""
    folder = tmp_path / "extension"
    (folder / "Resources").mkdir(parents=True)
    (folder / "Resources" / "Worker").symlink_to(ROOT / "Resources" / "Worker")
    return folder


@pytest.fixture
def slicer_home(tmp_path: Path) -> Path:
    """A Slicer with a PythonSlicer of its own."""
    python = tmp_path / "Slicer" / "bin" / ("PythonSlicer.exe" if os.name == "nt" else "PythonSlicer")
    python.parent.mkdir(parents=True)
    python.write_text("")
    return tmp_path / "Slicer"


@pytest.fixture
def make(installed: Path, slicer_home: Path, tmp_path: Path):
    """Makes the object of an installed extension in a Slicer."""

    def dependencies(settings: Settings | None = None, **variables: str) -> Dependencies:
        around = Surroundings(installed, tmp_path / "data", {"PATH": "", **variables}, str(slicer_home))
        return Dependencies(settings if settings is not None else Settings(), around)

    return dependencies


def make_ready(dependencies: Dependencies) -> None:
    """Leave behind what a whole installation leaves."""
    place: WorkerEnvironment = dependencies._environment()
    place.packages.mkdir(parents=True)
    (place.folder / "made-by-lnstation").write_text("")
    place._writeStamp({"digest": dependencies._pinned.digest(False), "networks": False})


# The worker's own environment


def test_before_the_installation_the_worker_cannot_start_and_the_remedy_is_said(make) -> None:
    state = make().state()
    assert (state.ready, state.installable) == (False, True)
    assert state.sentence.endswith("press Install.")
    with pytest.raises(DependencyError, match=r"not installed yet: press Install\."):
        make().workerCommand()


def test_after_it_the_worker_starts_with_slicers_python_and_its_own_packages(make, slicer_home: Path) -> None:
    dependencies = make()
    make_ready(dependencies)
    command = dependencies.workerCommand("--folder", "/private")
    assert command.program == str(next((slicer_home / "bin").iterdir()))
    assert command.arguments[:2] == ("-s", "-S")
    assert command.arguments[-3:] == ("LNStationLib.worker", "--folder", "/private")
    assert str(dependencies.dataFolder) in command.arguments[4]


def test_removing_brings_back_the_first_state(make) -> None:
    dependencies = make()
    make_ready(dependencies)
    dependencies.remove()
    assert not dependencies.state().ready


def test_another_list_of_packages_makes_it_outdated(make, monkeypatch) -> None:
    dependencies = make()
    make_ready(dependencies)
    monkeypatch.setattr(type(dependencies._pinned), "digest", lambda self, networks: "other")
    assert dependencies.state().sentence.startswith("This version of LNStation needs other packages")


def test_consent_says_where_from_and_where_to(make, tmp_path: Path) -> None:
    dependencies = make()
    assert "the Internet" in dependencies.consentText()
    assert str(tmp_path / "data") in dependencies.consentText()
    assert "Slicer's own packages are not touched" in dependencies.consentText()
    dependencies.wheelsFolder = tmp_path / "wheels"
    assert str(tmp_path / "wheels") in dependencies.consentText()


def test_wheels_folder_keeps_pip_off_the_network(make, tmp_path: Path) -> None:
    settings = Settings()
    make(settings).wheelsFolder = tmp_path / "wheels"
    arguments = next(step.command for step in make(settings).installation().steps if step.progress).arguments
    assert arguments[arguments.index("--no-index") + 1 :][:2] == ("--find-links", str(tmp_path / "wheels"))
    make(settings).wheelsFolder = None
    again = next(step.command for step in make(settings).installation().steps if step.progress).arguments
    assert "--no-index" not in again


def test_pip_never_compiles_and_never_asks(make) -> None:
    arguments = next(step.command for step in make().installation().steps if step.progress).arguments
    assert {"--only-binary", "--no-input", "--target", "--cache-dir"} <= set(arguments)


def test_shares_of_the_steps_make_a_whole(make) -> None:
    assert sum(step.share for step in make().installation().steps) == pytest.approx(1)


# Which Python


def test_developers_python_runs_the_worker_of_a_source_tree(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.parent.mkdir(parents=True)
    python.write_text("")
    assert developerInterpreter(tmp_path, {}) is None
    (tmp_path / "run.py").write_text("")
    assert developerInterpreter(tmp_path, {}) == str(python)


def test_developers_python_can_be_named(tmp_path: Path) -> None:
    assert developerInterpreter(tmp_path, {"LNSTATION_WORKER_PYTHON": "/my/python"}) == "/my/python"


def test_worker_starts_in_this_source_tree_without_any_installation(tmp_path: Path) -> None:
    variables = {**os.environ, "LNSTATION_WORKER_PYTHON": sys.executable}
    dependencies = Dependencies(Settings(), Surroundings(ROOT, tmp_path, variables))
    assert dependencies.state().ready
    command = dependencies.workerCommand("--help")
    tried = list(command.arguments[: command.arguments.index("LNStationLib.worker")])
    shown = subprocess.run(
        [command.program, *tried, "--import", "LNStationLib.assessment.assess"],
        env=dict(command.environment),
        timeout=60,
    )
    assert shown.returncode == 0


def program(path: Path, script: str) -> Path:
    """A program that the shell runs."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def answering(path: Path, answer: str) -> Path:
    """A Python that gives this answer to whatever it is asked: its version, and whether it has pip."""
    return program(path, f"echo '{answer}'")


def search(*folders: Path) -> dict[str, str]:
    """The user's variables with these folders to search for programs, and the system's."""
    return {"PATH": os.pathsep.join(map(str, [*folders, "/bin"]))}


def test_a_slicer_whose_python_does_not_fit_falls_back_to_a_python_of_the_computer(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("LNStationSlicer.install.Interpreters.sys.version_info", (3, 9, 10))
    program(tmp_path / "bin" / "PythonSlicer", "true")
    for minor in (11, 12):
        answering(tmp_path / "bin" / f"python3.{minor}", f"3 {minor} True")
    assert slicerInterpreter(str(tmp_path)) is None
    found = otherInterpreter(search(tmp_path / "bin"))
    assert found == Interpreter(str(tmp_path / "bin" / "python3.12"), (3, 12))


def test_a_python_is_asked_whether_it_runs_and_the_next_one_is_taken(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    program(first / "python3.12", "exit 127")
    (first / "python3.11").symlink_to(tmp_path / "gone")
    (first / "dead").mkdir()
    (first / "dead" / "python3.12").symlink_to(tmp_path / "gone")
    sound = answering(second / "python3.12", "3 12 True")
    older = answering(second / "python3.11", "3 11 True")
    assert otherInterpreter(search(first / "dead", first, second)) == Interpreter(str(sound), (3, 12))
    sound.unlink()
    assert otherInterpreter(search(first / "dead", first, second)) == Interpreter(str(older), (3, 11))


@pytest.mark.parametrize("answer", ["3 12 False", "3 9 True", "", "a word of welcome"])
def test_a_python_without_pip_or_of_another_version_is_passed_over(tmp_path: Path, answer: str) -> None:
    answering(tmp_path / "python3.12", answer)
    older = answering(tmp_path / "python3.11", "3 11 True")
    assert otherInterpreter(search(tmp_path)) == Interpreter(str(older), (3, 11))


def test_a_python_that_never_answers_is_passed_over(tmp_path: Path, monkeypatch) -> None:
    # By its own variables: tests of the panel load the module anew, and its name then leads to another copy.
    monkeypatch.setitem(otherInterpreter.__globals__, "_ANSWER_TIMEOUT_S", 0.2)
    silent = program(tmp_path / "python3.12", "exec sleep 30")
    found = otherInterpreter(search(tmp_path))
    # The computer may have a sound one of its own.
    assert found is None or found.program != str(silent)


def test_this_python_answers_for_itself(tmp_path: Path) -> None:
    name = f"python3.{sys.version_info[1]}"
    program(tmp_path / name, f'exec "{sys.executable}" "$@"')
    found = otherInterpreter(search(tmp_path))
    has_pip = find_spec("pip") is not None
    assert found == (Interpreter(str(tmp_path / name), sys.version_info[:2]) if has_pip else None)


def test_other_pythons_are_not_started_where_slicers_own_fits(make, monkeypatch) -> None:
    monkeypatch.setattr(dependencies_module, "otherInterpreter", lambda variables: pytest.fail("asked"))
    assert make().state().installable


def test_with_no_suitable_python_the_remedy_is_said(installed: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(dependencies_module, "slicerInterpreter", lambda home: None)
    monkeypatch.setattr(dependencies_module, "otherInterpreter", lambda variables: None)
    dependencies = Dependencies(Settings(), Surroundings(installed, tmp_path, {}))
    assert dependencies.state().sentence.startswith("LNStation needs Slicer 5.10 or later")
    with pytest.raises(DependencyError, match=r"5\.10"):
        dependencies.installation()


@pytest.mark.parametrize(("version", "fits"), [((3, 9), False), ((3, 11), True), ((3, 12), True), ((3, 13), False)])
def test_suitable_versions_are_those_of_the_library(version: tuple[int, int], fits: bool) -> None:
    import run

    assert suitable(version) is run.suitable(version) is fits


def test_variables_that_bend_python_and_pip_are_dropped_and_others_kept() -> None:
    given = {
        "PYTHONPATH": "/slicer",
        "PYTHONHOME": "/slicer",
        "VIRTUAL_ENV": "/v",
        "PIP_TARGET": "/t",
        "PIP_INDEX_URL": "https://mirror",
        "HTTPS_PROXY": "http://proxy",
        "HOME": "/home/a",
    }
    cleaned = cleanEnvironment(given)
    assert {name: cleaned[name] for name in ("PIP_INDEX_URL", "HTTPS_PROXY", "HOME")} == {
        name: given[name] for name in ("PIP_INDEX_URL", "HTTPS_PROXY", "HOME")
    }
    assert {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET"} & set(cleaned) == set()
    assert cleaned["PYTHONNOUSERSITE"] == "1"
