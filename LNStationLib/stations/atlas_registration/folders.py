"""Where atlases lie: those that come with LNStation, a user's own, and those in a folder that was named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from LNStationLib.models.package.container import PackageError
from LNStationLib.models.package.folders import user_folder as models_folder
from LNStationLib.stations.atlas_registration.package import CARD_FILE, AtlasCard, read_card
from LNStationLib.support.resources import resource_path

Source = Literal["shipped", "user", "folder"]


@dataclass(frozen=True)
class FoundAtlas:
    """An atlas in a folder.

    Attributes:
        path: Folder or zip file.
        source: Where it came from.
        card: ``None`` where it cannot be used.
        problem: Why not, in one sentence.
    """

    path: Path
    source: Source
    card: AtlasCard | None
    problem: str = ""


def user_folder() -> Path:
    """Where a user's own atlases lie, beside the model packages; need not exist."""
    return models_folder().parent / "Atlases"


def list_atlases(folder: Path | None = None) -> list[FoundAtlas]:
    """Every atlas that is shipped or the user's, or those of a named folder alone, by file name."""
    if folder is not None:
        return [_looked_at(path, "folder") for path in _candidates(folder)]
    found = [_looked_at(path, "user") for path in _candidates(user_folder())]
    try:
        shipped = resource_path("Atlases")
    except FileNotFoundError:
        return found
    return [_looked_at(path, "shipped") for path in _candidates(shipped)] + found


def chosen_atlases(named: str | None) -> list[Path]:
    """Paths of the atlases to use.

    Args:
        named: A folder of atlases, or an atlas; ``None`` for the user's own, and where there are none for those that
            came with LNStation.

    Raises:
        PackageError: There is none, or one of a named folder cannot be used.
    """
    if named is not None:
        path = Path(named)
        found = [_looked_at(path, "folder")] if _is_atlas(path) else list_atlases(path) if path.is_dir() else []
        faulty = [one.problem for one in found if one.card is None]
        if faulty:
            raise PackageError(faulty[0])
        if not found:
            raise PackageError(f"There is no atlas at {named}: give an atlas, or a folder with some.")
        return [one.path for one in found]
    usable = [one for one in list_atlases() if one.card is not None]
    own = [one.path for one in usable if one.source == "user"]
    if not usable:
        raise PackageError(
            f"LNStation has no atlases: put some into {user_folder()}; lnstation atlases synthetic makes five."
        )
    return own or [one.path for one in usable]


def _is_atlas(path: Path) -> bool:
    is_zip = path.is_file() and path.suffix == ".zip" and not path.name.startswith(".")
    return is_zip or (path / CARD_FILE).is_file()


def _candidates(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if _is_atlas(path))


def _looked_at(path: Path, source: Source) -> FoundAtlas:
    try:
        return FoundAtlas(path, source, read_card(path))
    except PackageError as error:
        return FoundAtlas(path, source, None, str(error))
