"""Digests of a case's files: by content, and a cheap one that says whether the content can have changed.

To compare times alone would be to resume by time. A content digest is therefore reused only where size, both times
and inode of every file are the same, and where no file had changed within the last seconds before it was
read: a second change within the granularity of a file system's clock leaves the times as they are (git calls such
entries racy). The time of the inode's last change cannot be set by a program, so a file whose time of modification
was put back is seen too.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from LNStationLib.batch.records import InputDigest, OutputDigest

_SETTLED_S = 3.0
"""Longer than the coarsest clock of a common file system (FAT: 2 s)."""


def unread(role: str, files: Mapping[str, Path], before: InputDigest | None) -> InputDigest | None:
    """The digest of before, where the files cannot have changed since; ``None`` where they must be read.

    Raises:
        OSError: A file is gone between two looks.
    """
    if before is None or not before.settled or before.state != _state(role, files)[0]:
        return None
    return before


def read(role: str, files: Mapping[str, Path], before: InputDigest | None = None) -> InputDigest:
    """The digest of the files; they are read unless that of before still holds.

    Raises:
        OSError: A file cannot be read.
    """
    known = unread(role, files, before)
    if known is not None:
        return known
    state, size, changed = _state(role, files)
    settled = changed < time.time() - _SETTLED_S
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{sha256_of(path)}\0".encode())
    return InputDigest(
        role=role, n_files=len(files), size_bytes=size, state=state, content=digest.hexdigest(), settled=settled
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def outputs_of(folder: Path, names: Iterable[str]) -> list[OutputDigest]:
    """Digests of finished results."""
    return [
        OutputDigest(name=name, size_bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name))
        for name in names
    ]


def are_whole(folder: Path, outputs: Iterable[OutputDigest], *, read_bytes: bool = False) -> bool:
    """Whether the results stand there as they were written; by size, or by every byte."""
    try:
        return all(
            (folder / one.name).stat().st_size == one.size_bytes
            and (not read_bytes or sha256_of(folder / one.name) == one.sha256)
            for one in outputs
        )
    except OSError:
        return False


def _state(role: str, files: Mapping[str, Path]) -> tuple[str, int, float]:
    """Digest of what the file system says of the files, their size, and when the last one changed (s)."""
    digest, size, latest = hashlib.sha256(role.encode()), 0, 0.0
    for name, path in sorted(files.items()):
        found = os.stat(path)
        size += found.st_size
        latest = max(latest, found.st_mtime, found.st_ctime)
        facts = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        digest.update(f"{name}\0{facts}\0".encode())
    return digest.hexdigest(), size, latest
