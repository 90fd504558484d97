"""Reading the two files of a package from a folder or a zip, within limits and never outside of it."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from LNStationLib.support.errors import InputError

MAX_MANIFEST_BYTES = 1_000_000
MAX_WEIGHTS_BYTES = 1_000_000_000
_ALSO_ALLOWED = {"README.md", "LICENSE", "LICENSE.txt"}


class PackageError(InputError):
    """A model package cannot be used; the message is one sentence that names it."""


def read_members(path: Path, limits: Mapping[str, int], only: Collection[str] | None = None) -> dict[str, bytes]:
    """Read files of a package.

    Args:
        path: Folder or zip file.
        limits: Largest number of bytes by file name; these files must be there.
        only: Of these the ones to read; all where ``None``.

    Raises:
        PackageError: A file is missing, too large or no plain file, or the zip holds what no package holds.
    """
    wanted = {name: limit for name, limit in limits.items() if only is None or name in only}
    if path.is_dir():
        return {name: _read_file(path, name, limit) for name, limit in wanted.items()}
    if not path.is_file():
        raise PackageError(f"There is no model package at {path}: give a folder or a zip file.")
    if not zipfile.is_zipfile(path):
        raise PackageError(f"{path} is neither a folder nor a zip file, so it is no model package.")
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_zip(path, archive, limits, wanted)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise PackageError(f"{path} is a damaged or unsupported zip file: fetch the package again.") from error


def _read_file(folder: Path, name: str, limit: int) -> bytes:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise PackageError(f"{folder} is no model package: it has no file {name}.")
    if path.stat().st_size > limit:
        raise PackageError(f"{path} is larger than {limit / 1e6:.0f} MB, so the package is refused.")
    return path.read_bytes()


def _read_zip(
    path: Path, archive: zipfile.ZipFile, limits: Mapping[str, int], wanted: Mapping[str, int]
) -> dict[str, bytes]:
    # One folder around the files, as many tools make it, is taken away.
    members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    tops = {PurePosixPath(name).parts[0] for name in members}
    prefix = f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in members) else ""
    for name, info in members.items():
        _check_member(path, name, info, prefix, limits)
    missing = [name for name in limits if prefix + name not in members]
    if missing:
        raise PackageError(f"{path} is no model package: it has no file {missing[0]}.")
    return {name: _read_member(path, archive, prefix + name, limit) for name, limit in wanted.items()}


def _check_member(path: Path, name: str, info: zipfile.ZipInfo, prefix: str, limits: Mapping[str, int]) -> None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ".." in parts or ":" in parts[0]:
        raise PackageError(f"{path} is refused: its entry {name!r} leaves the package's folder.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise PackageError(f"{path} is refused: its entry {name!r} is a link.")
    plain = name.removeprefix(prefix)
    if plain not in limits and plain not in _ALSO_ALLOWED:
        raise PackageError(f"{path} is refused: {name!r} does not belong in a model package.")


def _read_member(path: Path, archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Read at most ``limit`` bytes, whatever size the zip's directory claims."""
    with archive.open(name) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise PackageError(f"{path} is refused: {name!r} is larger than {limit / 1e6:.0f} MB.")
    return content
