"""Whether files are whole: each is read to its end in the way of its kind."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pydicom import dcmread

_WHEN_MADE = frozenset(
    {"ContentDate", "ContentTime", "InstanceCreationDate", "InstanceCreationTime", "ContributionDateTime"}
)
UNFINISHED = (".", "_")
"""Names of what is being written begin so; nothing takes them for results."""


def _nifti(path: Path) -> None:
    if not gzip.decompress(path.read_bytes()):
        raise ValueError("empty")


def _table(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.endswith("\n") or len({len(row) for row in csv.reader(text.splitlines())}) != 1:
        raise ValueError("ends early")


def _ends_with(end: bytes) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        if not path.read_bytes().rstrip().endswith(end):
            raise ValueError("ends early")

    return check


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:
            raise ValueError("damaged")


def _dicom(path: Path) -> None:
    # Explicit lengths: a file that ends early ends within a value.
    for element in dcmread(path):
        if element.VR in ("OB", "OW") and len(element.value) == 0:
            raise ValueError("ends early")


_CHECKS: Mapping[str, Callable[[Path], None]] = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".gz": _nifti,
    ".csv": _table,
    ".pdf": _ends_with(b"%%EOF"),
    ".html": _ends_with(b"</html>"),
    ".zip": _zip,
    ".dcm": _dicom,
}


def half_files(folder: Path) -> list[str]:
    """Files under their final name that are not whole, with the reason; what is hidden is not looked at."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or _is_hidden(path, folder):
            continue
        try:
            _CHECKS.get(path.suffix, lambda one: None)(path)
        except Exception as error:  # Whatever a reader says of half a file.
            found.append(f"{path.relative_to(folder)}: {type(error).__name__}: {str(error)[:80]}")
    return found


def leftovers(folder: Path) -> list[str]:
    """Hidden files and folders, which a later run must have taken away."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.startswith(UNFINISHED)]


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file by its path, hidden ones apart."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(_told(path)).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_hidden(path, folder)
    }


def _told(path: Path) -> bytes:
    """What a file says, apart from when it was made; DICOM objects must say that."""
    if path.suffix != ".dcm":
        return path.read_bytes()
    made = dcmread(path)
    made.walk(lambda holder, element: holder.__delitem__(element.tag) if element.keyword in _WHEN_MADE else None)
    return made.to_json(bulk_data_threshold=1 << 30).encode()


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(UNFINISHED) for part in path.relative_to(folder).parts)
