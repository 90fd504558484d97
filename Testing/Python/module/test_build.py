"""The extension's build: what Slicer would install is all that the module needs, and works from there."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "LNStation"
MODULES_FOLDER = "lib/Slicer-5.10/qt-scripted-modules"


def cmake() -> str:
    """CMake of the tests' environment, or else of the computer."""
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("cmake", path=os.pathsep.join([scripts, os.environ.get("PATH", "")]))
    assert found, "cmake is in the test requirements: run `python3 run.py test`"
    return found


@dataclass(frozen=True)
class Build:
    """A configured and installed tree."""

    build: Path
    installed: Path

    def recorded(self, name: str) -> list[str]:
        return (self.build / f"recorded_{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]

    def metadata(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.recorded("metadata"))


def configure(folder: Path) -> Build:
    """Configure LNStation against the stand-in of Slicer and install it."""
    build, installed = folder / "build", folder / "installed"
    command = [cmake(), "-S", ROOT, "-B", build, f"-DSlicer_DIR={ROOT / 'Testing' / 'CMake'}"]
    command += [f"-DCMAKE_INSTALL_PREFIX={installed}"]
    shown = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    subprocess.run([cmake(), "--install", str(build)], check=True, capture_output=True, timeout=120)
    return Build(build, installed)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return configure(tmp_path_factory.mktemp("extension"))


@pytest.fixture(scope="module", params=["build tree", "installed"])
def staged(built: Build, request: pytest.FixtureRequest) -> Path:
    """The folder that Slicer would put on ``sys.path``."""
    return (built.build if request.param == "build tree" else built.installed) / MODULES_FOLDER


def files_below(folder: Path) -> set[str]:
    """Every file below, but for what Python compiles by itself."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in paths}


def run_staged(staged: Path, code: str) -> str:
    """What a piece of code prints that has the staged folder and the standard library on its path."""
    program = f"import sys; sys.path.insert(0, {str(staged)!r}); {code}"
    command = [sys.executable, "-I", "-S", "-c", program]
    shown = subprocess.run(command, cwd=staged, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.strip()


# The lists


def test_every_python_file_of_the_module_is_listed(built: Build) -> None:
    in_folder = {name for name in files_below(MODULE) if name.endswith(".py")}
    assert sorted(built.recorded("scripts")) == sorted(in_folder)


def test_every_resource_of_the_module_is_listed_or_a_source_of_one(built: Build) -> None:
    in_folder = {f"Resources/{name}" for name in files_below(MODULE / "Resources")}
    drawings = {name for name in in_folder if name.endswith(".svg")}
    assert sorted(built.recorded("resources")) == sorted(in_folder - drawings)


def test_lists_are_sorted_and_name_nothing_twice(built: Build) -> None:
    scripts = built.recorded("scripts")
    assert scripts[0] == "LNStation.py"
    assert scripts[1:] == sorted(set(scripts[1:]))
    assert built.recorded("resources") == sorted(set(built.recorded("resources")))


def test_resources_that_the_code_names_are_listed(built: Build) -> None:
    texts = [path.read_text(encoding="utf-8") for path in MODULE.rglob("*.py")]
    texts += [path.read_text(encoding="utf-8") for path in MODULE.rglob("*.ui")]
    literals = {
        node.value
        for path in MODULE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    pictures = {text.rsplit("/", 1)[-1] for text in literals if text.endswith((".png", ".ui")) and "{" not in text}
    listed = {name.rsplit("/", 1)[-1] for name in built.recorded("resources")}
    assert {name for name in pictures if name.strip(".") not in ("png", "ui")} - listed == set()


# What gets installed


def test_library_and_resources_are_installed_whole(staged: Path) -> None:
    for folder in ("LNStationLib", "Resources"):
        wanted = {file for file in files_below(ROOT / folder) if "Screenshots" not in str(file)}
        assert wanted <= files_below(staged / folder)


def test_nothing_else_is_installed(staged: Path) -> None:
    assert not (staged / "Resources" / "Screenshots").exists()
    allowed = {"LNStation.py", "LNStationSlicer", "LNStationLib", "Resources"}
    assert {path.name for path in staged.iterdir()} - {"__pycache__"} == allowed


def test_resources_of_module_and_library_do_not_collide() -> None:
    assert files_below(MODULE / "Resources") & files_below(ROOT / "Resources") == set()


def test_staged_library_is_found_from_the_modules_folder_alone(staged: Path) -> None:
    code = (
        "from LNStationSlicer.support.LibraryPath import ensureLibraryOnPath; ensureLibraryOnPath();"
        "import LNStationLib.anatomy as a; a.stations(); a.organs(); print(a.__file__)"
    )
    assert Path(run_staged(staged, code)) == staged / "LNStationLib" / "anatomy" / "__init__.py"


def test_staged_files_of_the_module_that_need_no_slicer_are_importable(staged: Path) -> None:
    slicers = {"slicer", "qt", "ctk", "vtk", "vtkmodules", "numpy", "SampleData", "LNStationLib"}
    for path in sorted((staged / "LNStationSlicer").rglob("*.py")):
        assert _compiles(path), path.name
    code = "import LNStationSlicer.install.Dependencies as d; print(d.WORKER_MODULE)"
    assert run_staged(staged, code) == "LNStationLib.worker"
    assert slicers & _imported_at_top(staged / "LNStationSlicer" / "install" / "Dependencies.py") == set()


def _compiles(path: Path) -> bool:
    return compile(path.read_text(encoding="utf-8"), str(path), "exec") is not None


def _imported_at_top(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {alias.name.split(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    return named | {
        node.module.split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom) and node.module
    }


def test_every_import_within_the_module_leads_to_a_listed_file(built: Build) -> None:
    listed = {name.removesuffix(".py").replace("/", ".") for name in built.recorded("scripts")}
    library = {
        "LNStationLib." + name.removesuffix(".py").replace("/", ".") for name in files_below(ROOT / "LNStationLib")
    }
    known = {name.removesuffix(".__init__") for name in listed | library} | {"LNStationLib"}
    lost = {
        (path.name, node.module)
        for path in MODULE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("LNStation")
        and node.module not in known
    }
    assert lost == set()


def test_worker_lists_are_found_in_the_staged_tree(staged: Path) -> None:
    code = (
        "from pathlib import Path; from LNStationSlicer.support.LibraryPath import libraryRoot;"
        "from LNStationSlicer.install.PinnedPackages import PinnedPackages, readPins;"
        "lists = PinnedPackages.inFolder(libraryRoot() / 'Resources' / 'Worker');"
        "print(len(readPins(lists.requirements)) > 10, lists.digest(True) != lists.digest(False))"
    )
    assert run_staged(staged, code) == "True True"


# What Slicer's build gets; what the Extensions Index reads is in test_extensions_index.py


def test_metadata_are_complete(built: Build) -> None:
    metadata = built.metadata()
    assert {name for name, value in metadata.items() if not value} == set()
    assert metadata["DEPENDS"] == "NA"
    assert "Research use only" in metadata["DESCRIPTION"]


def test_every_address_begins_with_that_of_the_repository(built: Build) -> None:
    metadata = built.metadata()
    urls = [metadata["ICONURL"], *metadata["SCREENSHOTURLS"].split()]
    assert len(urls) >= 2
    assert {url.partition("/raw/main/")[0] for url in urls} == {metadata["HOMEPAGE"]}


def test_self_test_is_registered(built: Build) -> None:
    assert built.recorded("tests") == ["Testing/lnstation_self_test.py"]
    tree = ast.parse((ROOT / "Testing" / "lnstation_self_test.py").read_text(encoding="utf-8"))
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert {"LNStationTest", "runTest"} <= called
    module = ast.parse((MODULE / "LNStation.py").read_text(encoding="utf-8"))
    assert "LNStationTest" in {node.name for node in module.body if isinstance(node, ast.ClassDef)}


def test_a_file_that_is_listed_but_not_there_stops_the_build(tmp_path: Path) -> None:
    copy = tmp_path / "source"
    for name in (
        "CMakeLists.txt",
        "LNStation",
        "Testing/CMake",
        "Testing/CMakeLists.txt",
        "Testing/lnstation_self_test.py",
    ):
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (copy / "LNStation" / "LNStationSlicer" / "support" / "LibraryPath.py").unlink()
    command = [cmake(), "-S", copy, "-B", tmp_path / "build", f"-DSlicer_DIR={copy / 'Testing' / 'CMake'}"]
    shown = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert shown.returncode != 0
    assert "LibraryPath.py" in shown.stderr
