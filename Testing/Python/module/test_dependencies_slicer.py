"""The worker's packages in Slicer's own Python: nothing that is there already may change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from LNStationSlicer.Installation import DependencyError
from LNStationSlicer.Interpreters import Interpreter, cleanEnvironment
from LNStationSlicer.PinnedPackages import Pin, PinnedPackages, installedVersions
from LNStationSlicer.SlicerPackages import SlicerPackages, changedPackages, constraintsText
from module.tiny_wheels import file_hashes, run_installation, scratch_python, site_packages, write_wheel

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Scratch:
    """A Python that stands for Slicer's, and a folder of wheels."""

    python: Path
    wheels: Path
    lists: PinnedPackages

    @property
    def packages(self) -> Path:
        return site_packages(self.python)

    def pip(self, *arguments: object) -> None:
        command = [self.python, "-m", "pip", *arguments]
        subprocess.run([str(part) for part in command], check=True, capture_output=True, env=self.variables())

    def variables(self) -> dict[str, str]:
        return cleanEnvironment(os.environ)

    def need(self, *pins: str, constraints: Sequence[str] = ()) -> None:
        self.lists.requirements.write_text("\n".join(pins) + "\n")
        self.lists.constraints.write_text("\n".join([*pins, *constraints]) + "\n")

    def place(self, install=None) -> SlicerPackages:
        """The object under test; ``install`` stands for ``slicer.packaging.pip_ensure``."""

        def through_pip(requirements: Sequence[str], constraints: Path) -> None:
            self.pip("install", *requirements, "--constraint", constraints)

        return SlicerPackages(
            Interpreter(str(self.python), sys.version_info[:2], isSlicers=True),
            self.lists,
            ROOT,
            self.variables(),
            install or through_pip,
            lambda: installedVersions([str(self.packages)]),
        )

    def snapshot(self) -> tuple[dict[str, str], dict[str, str]]:
        """Versions of what is installed, and the hash of every file."""
        return installedVersions([str(self.packages)]), file_hashes(self.packages)


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """``alpha`` 1.5 and ``local`` 1.0+cu1 are installed; newer wheels of ``alpha`` lie ready."""
    wheels = tmp_path / "wheels"
    for version in ("1.5", "2.0"):
        write_wheel(wheels, "alpha", version)
    write_wheel(wheels, "local", "1.0+cu1")
    write_wheel(wheels, "beta", "2.0", ["alpha>=1"])
    write_wheel(wheels, "greedy", "1.0", ["alpha>=2"])
    made = Scratch(scratch_python(tmp_path / "slicer"), wheels, PinnedPackages.inFolder(tmp_path))
    made.pip("install", "--no-index", "--find-links", wheels, "alpha==1.5", "local")
    (tmp_path / "requirements-networks.txt").write_text("torch==2.13.0\n")
    return made


def unchanged(before: tuple[dict[str, str], dict[str, str]], after: tuple[dict[str, str], dict[str, str]]) -> bool:
    """True where every version and every file from before is the same after."""
    return all(old.items() <= new.items() for old, new in zip(before, after, strict=True))


def test_missing_package_is_added_and_no_other_changes(scratch: Scratch) -> None:
    scratch.need("beta==2.0", "alpha==2.0")
    before = scratch.snapshot()
    outcome = run_installation(scratch.place().installation(scratch.wheels))
    after = scratch.snapshot()
    assert outcome.succeeded, outcome.sentence
    assert unchanged(before, after)
    assert set(after[0]) - set(before[0]) == {"beta"}
    assert after[0]["alpha"] == "1.5"


def test_without_the_constraints_pip_would_have_replaced_a_package(scratch: Scratch) -> None:
    before = scratch.snapshot()
    scratch.pip("install", "--no-index", "--find-links", scratch.wheels, "greedy")
    assert not unchanged(before, scratch.snapshot())


def test_conflicting_requirement_is_refused_in_one_sentence_and_nothing_changes(scratch: Scratch) -> None:
    scratch.need("greedy==1.0")
    before = scratch.snapshot()
    outcome = run_installation(scratch.place().installation(scratch.wheels))
    assert outcome.sentence == (
        "greedy 1.0 needs alpha>=2, but alpha 1.5 is installed in Slicer and stays as it is: "
        "use LNStation's own environment instead."
    )
    assert scratch.snapshot() == before


def test_refused_before_slicer_is_asked_to_install_anything(scratch: Scratch) -> None:
    scratch.need("greedy==1.0")
    asked: list[Sequence[str]] = []
    run_installation(scratch.place(lambda wanted, constraints: asked.append(wanted)).installation(scratch.wheels))
    assert asked == []


def test_missing_wheel_is_not_taken_for_a_conflict(scratch: Scratch) -> None:
    write_wheel(scratch.wheels, "eta", "1.0", ["theta>=1"])
    scratch.need("eta==1.0", constraints=["theta==1.0"])
    outcome = run_installation(scratch.place().installation(scratch.wheels))
    assert outcome.sentence.startswith(f"theta==1.0 is not in the wheels folder {scratch.wheels}")


def test_everything_there_means_nothing_to_do(scratch: Scratch) -> None:
    scratch.need("alpha==2.0")
    before = scratch.snapshot()
    state = scratch.place().state()
    assert (state.ready, state.differing) == (True, ((Pin("alpha", "2.0"), "1.5"),))
    outcome = run_installation(scratch.place().installation(scratch.wheels))
    assert (outcome.succeeded, outcome.lines) == (True, [])
    assert scratch.snapshot() == before


def test_an_installer_that_ignores_the_constraints_is_found_out(scratch: Scratch) -> None:
    scratch.need("beta==2.0")

    def careless(requirements: Sequence[str], constraints: Path) -> None:
        scratch.pip("install", *requirements, "--upgrade", "--upgrade-strategy", "eager")

    outcome = run_installation(scratch.place(careless).installation(scratch.wheels))
    assert outcome.sentence.startswith("alpha changed in Slicer during the installation")


def test_an_installation_that_does_nothing_is_found_out(scratch: Scratch) -> None:
    scratch.need("beta==2.0")
    outcome = run_installation(scratch.place(lambda wanted, constraints: None).installation(scratch.wheels))
    assert outcome.sentence.startswith("beta==2.0 did not get installed")


def test_a_failing_installer_gives_a_sentence_and_no_folder_is_left(scratch: Scratch, monkeypatch, tmp_path) -> None:
    scratch.need("beta==2.0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()

    def fail(requirements: Sequence[str], constraints: Path) -> None:
        assert "alpha==1.5" in constraints.read_text()
        raise RuntimeError("no")

    outcome = run_installation(scratch.place(fail).installation(scratch.wheels))
    assert outcome.sentence == "Slicer could not install the packages (no)."
    assert list((tmp_path / "scratch").iterdir()) == []


def test_worker_runs_with_slicers_packages_and_the_library(scratch: Scratch) -> None:
    code = "import alpha, LNStationLib.anatomy as a; print(alpha.version, a.__file__)"
    command = scratch.place().workerCommand("timeit", "-n1", "-r1", "-s", code, "pass")
    shown = subprocess.run(
        [command.program, *command.arguments],
        env=dict(command.environment),
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.splitlines()[0] == f"1.5 {ROOT / 'LNStationLib' / 'anatomy.py'}"


def test_torch_comes_from_its_own_extension(scratch: Scratch) -> None:
    scratch.need("alpha==2.0")
    with pytest.raises(DependencyError, match="PyTorch Utils"):
        scratch.place().installation(scratch.wheels, withNetworks=True)


def test_constraints_hold_installed_packages_and_pin_the_others() -> None:
    text = constraintsText({"alpha": "1.5", "local": "1.0+cu1"}, [Pin("Alpha", "2.0"), Pin("beta", "2.0")])
    assert text == "alpha==1.5\nlocal==1.0+cu1\nbeta==2.0\n"


def test_change_means_gone_or_another_version_never_new() -> None:
    assert changedPackages({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == ("b", "c")
