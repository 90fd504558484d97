"""Reading the files of a package from a folder or a zip, within limits and never outside of it."""

from __future__ import annotations

import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from LNStationLib.models.package.manifest import MANIFEST_FILE
from LNStationLib.support.errors import InputError
from LNStationLib.support.sentences import quoted

EXTRA_FILES = ("README.md", "LICENSE", "LICENSE.txt")
"""What a package may hold beside its manifest and weights."""
_WEIGHTS_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\.safetensors")
_DAMAGED = (
    zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What zipfile and the decompressors under it raise on damaged bytes."""
_BYTES_PER_MB = 1e6


class PackageError(InputError):
    """A model package cannot be used; the message is one sentence that names it."""


def read_members(
    path: Path, limits: Mapping[str, int], expected: Collection[str] | None = None, kind: str = "model package"
) -> dict[str, bytes]:
    """Read files of a package.

    Args:
        path: Folder or zip file.
        limits: Largest number of bytes by the names of the files to read.
        expected: All files that the package must hold, beside which a zip may only hold ``EXTRA_FILES``; ``None``
            where they are not known yet: then ``limits``' must be there, and a zip may hold any file of weights.
        kind: What messages call it.

    Raises:
        PackageError: A file is missing, too large or not a plain file, or the zip holds what no package holds.
    """
    required = limits if expected is None else expected
    if path.is_dir():
        for name in required:
            _check_file(path, name, kind)
        return {name: _read_file(path, name, limit, kind) for name, limit in limits.items()}
    if not path.is_file():
        raise PackageError(f"There is no {kind} at {path}: give a folder or a zip file.")
    if not zipfile.is_zipfile(path):
        raise PackageError(f"{path} is neither a folder nor a zip file, so it is not a {kind}.")
    try:
        with zipfile.ZipFile(path) as archive:
            prefix = _checked_prefix(path, archive, required, expected, kind)
            return {name: _read_member(path, archive, prefix + name, limit) for name, limit in limits.items()}
    except PackageError:
        raise
    except _DAMAGED as error:
        raise PackageError(f"{path} is a damaged or unsupported zip file: fetch the package again.") from error


def extra_files(path: Path) -> list[str]:
    """Names of the ``EXTRA_FILES`` that a package holds."""
    if path.is_dir():
        return [name for name in EXTRA_FILES if (path / name).is_file() and not (path / name).is_symlink()]
    with zipfile.ZipFile(path) as archive:
        held = set(archive.namelist())
        prefix = _prefix(held)
    return [name for name in EXTRA_FILES if prefix + name in held]


def _check_file(folder: Path, name: str, kind: str) -> None:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise PackageError(f"{folder} is not a {kind}: {name} is missing.")


def _read_file(folder: Path, name: str, limit: int, kind: str) -> bytes:
    path = folder / name
    _check_file(folder, name, kind)
    if path.stat().st_size > limit:
        raise PackageError(f"{path} is larger than {limit / _BYTES_PER_MB:.0f} MB, so the package is refused.")
    return path.read_bytes()


def _prefix(names: Collection[str]) -> str:
    """One folder around all files, as many tools make it; empty without one."""
    tops = {name.partition("/")[0] for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""


def _checked_prefix(
    path: Path, archive: zipfile.ZipFile, required: Collection[str], expected: Collection[str] | None, kind: str
) -> str:
    members = {info.filename: info for info in archive.infolist() if not info.filename.endswith("/")}
    prefix = _prefix(members)
    for name, info in members.items():
        _check_member(path, name, info, prefix, expected, kind)
    missing = [name for name in required if prefix + name not in members]
    if missing:
        raise PackageError(f"{path} is not a {kind}: {missing[0]} is missing.")
    return prefix


def _check_member(
    path: Path, name: str, info: zipfile.ZipInfo, prefix: str, expected: Collection[str] | None, kind: str
) -> None:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or ".." in parts or ":" in parts[0]:
        raise PackageError(f"{path} is refused: its entry '{quoted(name)}' leaves the package's folder.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise PackageError(f"{path} is refused: its entry '{quoted(name)}' is a link.")
    if not _belongs(name.removeprefix(prefix), expected):
        raise PackageError(f"{path} is refused: '{quoted(name)}' does not belong in a {kind}.")


def _belongs(name: str, expected: Collection[str] | None) -> bool:
    if name in EXTRA_FILES:
        return True
    if expected is not None:
        return name in expected
    return name == MANIFEST_FILE or _WEIGHTS_NAME.fullmatch(name) is not None


def _read_member(path: Path, archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Read at most ``limit`` bytes, whatever size the zip's directory claims."""
    with archive.open(name) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise PackageError(f"{path} is refused: {name!r} is larger than {limit / _BYTES_PER_MB:.0f} MB.")
    return content
