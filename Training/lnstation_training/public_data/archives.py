"""Archives of downloads unpacked, whatever names their members have: nothing lands outside the folder."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from LNStationLib.export.output_folder import user_facing_errors
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.sentences import quoted

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error)
"""What the readers of archives raise on damaged bytes, and on members that are encrypted or packed in an odd way."""
_SPARE_BYTES = 1 << 30
"""Left free on the disk, for whatever else runs."""


@dataclass(frozen=True)
class _Member:
    name: str
    size_bytes: int


def unpack(archive: Path, out: Path, progress: Progress = silent) -> int:
    """Unpack a zip or tar archive into a new folder; it appears whole or not at all.

    Returns:
        How many files were unpacked. Links and devices are refused.

    Raises:
        InputError: It is no archive, is damaged, or a member would leave the folder or is no plain file.
        OutputError: The folder exists, or the disk has too little space.
    """
    if out.exists():
        raise OutputError(f"{out} exists: choose another folder.")
    unfinished = out.with_name(f".{out.name}-unfinished")
    with user_facing_errors(out.parent):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            count = _unpacked(archive, unfinished, progress)
            os.replace(unfinished, out)
        except _DAMAGED as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{archive.name} is damaged or no zip or tar archive: download it again.") from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return count


def _unpacked(archive: Path, folder: Path, progress: Progress) -> int:
    if not archive.is_file():
        raise InputError(f"there is no file {archive}: check the path.")
    with _opened(archive) as (members, read):
        for member in members:
            _check_name(archive, member.name)
        _check_space(folder, sum(member.size_bytes for member in members))
        for number, member in enumerate(members, 1):
            target = folder.joinpath(*PurePosixPath(member.name).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with read(member.name) as source, target.open("wb") as file:
                _copied(source, file, member, archive)
            progress(f"{number} of {len(members)} files", number / len(members))
    return len(members)


@contextmanager
def _opened(archive: Path) -> Iterator[tuple]:
    """The plain files of an archive, and how to open one by its name."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield [_Member(one.filename, one.file_size) for one in _plain_of_zip(zipped, archive)], zipped.open
        return
    with tarfile.open(archive) as tarred:
        files = {one.name: one for one in _plain_of_tar(tarred, archive)}
        yield [_Member(one.name, one.size) for one in files.values()], lambda name: tarred.extractfile(files[name])


def _plain_of_zip(zipped: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    files = [one for one in zipped.infolist() if not one.is_dir()]
    for one in files:
        kind = stat.S_IFMT(one.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _refused(archive, one.filename, "is a link or a device")
    return files


def _plain_of_tar(tarred: tarfile.TarFile, archive: Path) -> list[tarfile.TarInfo]:
    files = [one for one in tarred.getmembers() if not one.isdir()]
    for one in files:
        if not one.isreg():
            raise _refused(archive, one.name, "is a link or a device")
    return files


def _check_name(archive: Path, name: str) -> None:
    path = PurePosixPath(name)
    inside = (
        path.parts and not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name
    )
    if not inside or PureWindowsPath(name).anchor or PureWindowsPath(name).drive:
        raise _refused(archive, name, "would be written outside the folder")


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        raise OutputError(
            f"unpacking takes {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free: free some or choose another "
            "folder."
        )


def _copied(source: IO[bytes], target: IO[bytes], member: _Member, archive: Path) -> None:
    """Copy a member, and not a byte more than it says it has: a file may grow a thousandfold while it is unpacked."""
    left = member.size_bytes
    while block := source.read(1 << 20):
        left -= len(block)
        if left < 0:
            raise _refused(archive, member.name, "holds more than it says")
        target.write(block)
    if left:
        raise _refused(archive, member.name, "holds less than it says")


def _refused(archive: Path, name: str, why: str) -> InputError:
    return InputError(f"{archive.name} is refused: its member {quoted(name)!r} {why}.")
