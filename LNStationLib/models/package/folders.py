"""Where model packages lie, and how one is found by its id or its path."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from LNStationLib.models.package.container import PackageError
from LNStationLib.models.package.manifest import MANIFEST_FILE, Manifest
from LNStationLib.models.package.reading import read_manifest
from LNStationLib.support.resources import resource_path

Source = Literal["shipped", "user", "folder"]


@dataclass(frozen=True)
class FoundPackage:
    """A package in a folder of packages.

    Attributes:
        path: Folder or zip file.
        source: Whether it came with LNStation, is the user's, or lies in a folder that was given.
        manifest: Its card; ``None`` where it cannot be used.
        problem: Why not, in one sentence.
    """

    path: Path
    source: Source
    manifest: Manifest[Any] | None
    problem: str = ""


def user_folder() -> Path:
    """Where a user's own packages lie; need not exist. ``LNSTATION_DATA`` names another folder for a user's data."""
    variables = os.environ
    home = Path(variables.get("HOME") or Path.home())
    if named := variables.get("LNSTATION_DATA"):
        return Path(named) / "Models"
    if sys.platform == "win32":
        return Path(variables.get("LOCALAPPDATA") or home / "AppData" / "Local") / "LNStation" / "Models"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "LNStation" / "Models"
    return Path(variables.get("XDG_DATA_HOME") or home / ".local" / "share") / "LNStation" / "Models"


def shipped_folder() -> Path | None:
    """``Resources/Models``; ``None`` where no package is shipped."""
    try:
        return resource_path("Models")
    except FileNotFoundError:
        return None


def list_packages(more: Sequence[Path] = ()) -> list[FoundPackage]:
    """Every package that is shipped, the user's, or in one of ``more`` folders, by file name within each.

    Only cards are read; ``read_package`` verifies weights.
    """
    return [_looked_at(path, source) for path, source in _candidates(more)]


def find_package(reference: str | None = None, task: str | None = None) -> Path:
    """Path of a package.

    Args:
        reference: Path of a package or id of a shipped package or one of the user's; ``None`` for the first shipped.
        task: Where no reference is given, of which task; of any where ``None``.

    Raises:
        PackageError: There is none, or two of the user's have that id.
    """
    if reference is not None and (Path(reference).exists() or Path(reference).name != reference):
        return Path(reference)
    usable = [(found.path, found.manifest) for found in list_packages() if found.manifest is not None]
    if reference is not None:
        return _of_id(reference, usable)
    of_task = [path for path, manifest in usable if task in (None, manifest.task)]
    if not of_task:
        wanted = "" if task is None else f" for the task {task!r}"
        raise PackageError(
            f"LNStation has no model package{wanted}: give the path of one, or put one into {user_folder()}."
        )
    return of_task[0]


def _of_id(reference: str, usable: Sequence[tuple[Path, Manifest[Any]]]) -> Path:
    named = [path for path, manifest in usable if manifest.package_id == reference]
    if not named:
        known = ", ".join(dict.fromkeys(manifest.package_id for _, manifest in usable)) or "none"
        raise PackageError(f"there is no model package {reference!r} (known: {known}): give its path.")
    if len(named) > 1:
        raise PackageError(f"{len(named)} model packages have the id {reference!r}: give the path of one of them.")
    return named[0]


def _candidates(more: Sequence[Path]) -> Iterator[tuple[Path, Source]]:
    shipped = shipped_folder()
    sources: list[tuple[Path, Source]] = [(shipped, "shipped")] if shipped is not None else []
    sources += [(user_folder(), "user"), *((folder, "folder") for folder in more)]
    for folder, source in sources:
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            is_zip = path.is_file() and path.suffix == ".zip" and not path.name.startswith(".")
            if is_zip or (path / MANIFEST_FILE).is_file():
                yield path, source


def _looked_at(path: Path, source: Source) -> FoundPackage:
    try:
        return FoundPackage(path, source, read_manifest(path))
    except PackageError as error:
        return FoundPackage(path, source, None, str(error))
