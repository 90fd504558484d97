"""Where the module finds LNStationLib: beside itself once installed, one floor up in a source tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from LNStationSlicer.support.LibraryPath import MODULE_FOLDER, ensureLibraryOnPath, isSourceTree, libraryRoot

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A search path of the test's own."""
    monkeypatch.setattr(sys, "path", ["somewhere"])
    return sys.path


def write_library(folder: Path) -> Path:
    """An empty library."""
    (folder / "LNStationLib").mkdir(parents=True)
    (folder / "LNStationLib" / "__init__.py").write_text("")
    return folder


def test_installed_module_has_the_library_beside_it(tmp_path: Path) -> None:
    assert libraryRoot(write_library(tmp_path)) == tmp_path


def test_source_tree_has_it_one_floor_up(tmp_path: Path) -> None:
    write_library(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    assert libraryRoot(tmp_path / "LNStation") == tmp_path


def test_library_beside_the_module_wins(tmp_path: Path) -> None:
    write_library(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    module = write_library(tmp_path / "LNStation")
    assert libraryRoot(module) == module


def test_a_library_one_floor_up_that_is_no_source_tree_is_not_taken(tmp_path: Path) -> None:
    write_library(tmp_path)
    assert not isSourceTree(tmp_path)
    with pytest.raises(ImportError, match="install the LNStation extension again"):
        libraryRoot(tmp_path / "LNStation")


def test_this_source_tree_is_one() -> None:
    assert MODULE_FOLDER == ROOT / "LNStation"
    assert libraryRoot() == ROOT


def test_path_is_extended_once_and_in_front(tmp_path: Path, path: list[str]) -> None:
    write_library(tmp_path)
    for _ in range(2):
        assert ensureLibraryOnPath(tmp_path) == tmp_path
    assert path == [str(tmp_path), "somewhere"]


def test_import_works_with_nothing_but_the_modules_folder_on_the_path() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(MODULE_FOLDER)!r});"
        "from LNStationSlicer.support.LibraryPath import ensureLibraryOnPath; ensureLibraryOnPath();"
        "import LNStationLib.anatomy as a; print(a.__file__)"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert Path(shown.stdout.strip()) == ROOT / "LNStationLib" / "anatomy" / "__init__.py"
