"""An index of the DICOM files under a folder, in SQLite: built in parallel, brought up to date by what changed.

It lies in the user's cache, readable by the user alone, because the paths in it may say what folders are named after.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from LNStationLib.batch.studies.header_facts import facts_of
from LNStationLib.models.runtime.model_cache import cache_folder
from LNStationLib.support.errors import InputError
from LNStationLib.support.processes import spread_or_serial
from LNStationLib.support.progress import Progress, silent

_FORMAT = 2
"""Raised where what is kept of a file changes."""
_CHUNK = 200
"""Files that a process reads before they are kept: a second of work, lost by a kill."""
_WAIT_S = 60.0
"""For another run that writes into the same index."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, study TEXT, facts TEXT
);
CREATE INDEX IF NOT EXISTS studies ON files (study) WHERE study IS NOT NULL;
"""
_FileState = tuple[int, int, int]


@dataclass(frozen=True)
class IndexedFile:
    """A DICOM file, by its path from the root, with its facts (``header_facts``)."""

    path: str
    facts: Mapping[str, Any]


def index_path(root: Path) -> Path:
    """Where the index of a root lies."""
    name = hashlib.sha256(f"{_FORMAT} {root.resolve()}".encode()).hexdigest()[:16]
    return cache_folder() / f"dicom-index-{name}.sqlite"


def update_index(root: Path, database: Path, workers: int = 1, progress: Progress = silent) -> int:
    """Read the headers of files that are new or changed, and forget those that are gone.

    Args:
        root: A folder.
        database: The index; made where it is missing.
        workers: Processes.
        progress: Told after every chunk of files.

    Returns:
        How many files were read.

    Raises:
        InputError: The index cannot be written or is damaged.
    """
    progress("looking for files", 0.0)
    there = dict(_files(root))
    with _opened(database) as connection:
        rows_there = connection.execute("SELECT path, size, mtime_ns, ctime_ns FROM files")
        known = {path: tuple(state) for path, *state in rows_there}
        gone = [(path,) for path in known if path not in there]
        with connection:
            connection.executemany("DELETE FROM files WHERE path = ?", gone)
        new = sorted(path for path, state in there.items() if known.get(path) != state)
        chunks = [tuple(new[start : start + _CHUNK]) for start in range(0, len(new), _CHUNK)]
        done = 0
        for chunk, found in spread_or_serial(partial(_read, str(root)), chunks, workers):
            rows = [(path, *there[path], *row) for path, row in zip(chunk, found, strict=True)]
            with connection:
                connection.executemany("INSERT OR REPLACE INTO files VALUES (?,?,?,?,?,?)", rows)
            done += len(chunk)
            progress(f"reading headers: {done} of {len(new)} files", done / len(new))
    return len(new)


def studies_of(database: Path) -> Iterator[tuple[str, list[IndexedFile]]]:
    """The studies of an index by Study Instance UID, each with its files by path."""
    with _opened(database) as connection:
        found = connection.execute(
            "SELECT study, path, facts FROM files WHERE study IS NOT NULL ORDER BY study, path"
        )
        for study, rows in itertools.groupby(found, key=lambda row: row[0]):
            yield str(study), [IndexedFile(path, json.loads(facts)) for _, path, facts in rows]


def _read(root: str, chunk: tuple[str, ...]) -> list[tuple[str | None, str | None]]:
    """Study and facts of files, in another process."""
    rows: list[tuple[str | None, str | None]] = []
    for path in chunk:
        facts = facts_of(Path(root, path))
        rows.append((None, None) if facts is None else (facts.pop("study"), json.dumps(facts)))
    return rows


def _files(root: Path) -> Iterator[tuple[str, _FileState]]:
    """Every file under a folder, by its path from there; hidden ones and folders behind links are left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            path = Path(folder, name)
            try:
                found = path.stat()
            except OSError:
                continue
            yield path.relative_to(root).as_posix(), (found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        if not database.exists():
            os.close(os.open(database, os.O_CREAT | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(database, timeout=_WAIT_S)) as connection:
            connection.executescript(_SCHEMA)
            yield connection
    except (sqlite3.DatabaseError, OSError) as error:
        raise InputError(
            f"the index of the DICOM files cannot be used ({error}): free some space, or delete {database}."
        ) from error
