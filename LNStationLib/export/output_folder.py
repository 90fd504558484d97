"""The output folder: checked before the work starts, filled all at once at its end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from LNStationLib.support.errors import OutputError
from LNStationLib.support.locks import exclusive_lock, folder_to_itself
from LNStationLib.support.scarcity import is_forbidden, is_full, system_error

FILE_NAMES = (
    "stations.nii.gz",
    "nodes.nii.gz",
    "organs.nii.gz",
    "stations.csv",
    "nodes.csv",
    "report.html",
    "report.pdf",
    "report.txt",
    "assessment.json",
)
"""The fixed names in the order in which they appear; ``assessment.json`` is last and marks a whole result."""

REVIEW_FILE_NAMES = ("edits.csv", "n_category.csv", "review.json")
"""What a reader's review adds."""

EVIDENCE_FILE_NAME = "attention.nii.gz"
"""What a method with evidence maps adds; named for the attention of networks, the first of them."""

FORMATS: Mapping[str, tuple[str, ...]] = {
    "json": ("review.json", "assessment.json"),
    "csv": ("stations.csv", "nodes.csv", "edits.csv", "n_category.csv"),
    "html": ("report.html",),
    "pdf": ("report.pdf",),
    "text": ("report.txt",),
    "nifti": ("stations.nii.gz", "nodes.nii.gz", "organs.nii.gz", EVIDENCE_FILE_NAME),
}
"""Files by the format that a user chooses them with."""


def file_names(formats: Collection[str], *, reviewed: bool, with_evidence: bool = False) -> list[str]:
    """The files of the chosen formats in the order in which they appear.

    Args:
        formats: Which of ``FORMATS``.
        reviewed: With those of a reader's review.
        with_evidence: With that of the evidence maps.

    Raises:
        OutputError: There is no such format, or none was chosen.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        problem = f"there is no report format '{unknown[0]}'" if unknown else "no report format was chosen"
        raise OutputError(f"{problem}: choose among {', '.join(FORMATS)}.")
    wanted = {file for name in formats for file in FORMATS[name]}
    ordered = [*FILE_NAMES[:-1], EVIDENCE_FILE_NAME, *REVIEW_FILE_NAMES, FILE_NAMES[-1]]
    left_out = {*(() if reviewed else REVIEW_FILE_NAMES), *(() if with_evidence else (EVIDENCE_FILE_NAME,))}
    return [name for name in ordered if name in wanted - left_out]


_SOMETIMES = (*REVIEW_FILE_NAMES, EVIDENCE_FILE_NAME)
_PARTIAL_PREFIX = ".lnstation-partial-"
_LOCK_NAME = "in-use"


def prepare_output_folder(out: Path, overwrite: bool) -> None:
    """Make sure that results can be written, creating the folder where it is missing.

    Args:
        out: The folder.
        overwrite: Accept a folder that is not empty. Only files with our own fixed names are replaced later.

    Raises:
        OutputError: It is not a folder, cannot be made or written, or is not empty.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file, not a folder: choose another output folder.")
    with user_facing_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        _try_to_write(out)
        entries = sorted(entry.name for entry in out.iterdir())
    if entries and not overwrite:
        raise OutputError(
            f"{out} is not empty (it holds {entries[0]}): choose another folder, or give --overwrite to replace "
            "earlier results in it."
        )
    folders = [name for name in (*FILE_NAMES, *_SOMETIMES) if (out / name).is_dir()]
    if folders:
        raise OutputError(f"{out / folders[0]} is a folder where a result must go: move it or choose another folder.")


def _try_to_write(out: Path) -> None:
    """Only trying tells: permission bits say nothing about read-only, network or full file systems."""
    number, name = tempfile.mkstemp(prefix=_PARTIAL_PREFIX, dir=out)
    try:
        os.write(number, b"LNStation")
    finally:
        os.close(number)
        # Another run may have swept it away.
        Path(name).unlink(missing_ok=True)


@contextmanager
def partial_folder(out: Path) -> Iterator[Path]:
    """A hidden folder inside ``out``, on the same file system; gone afterwards, whatever happens.

    Leftovers of runs that were killed are removed first; what another run is writing at this moment stays.
    """
    with user_facing_errors(out):
        for leftover in out.glob(f"{_PARTIAL_PREFIX}*"):
            if leftover.is_file():
                leftover.unlink(missing_ok=True)
            elif leftover.is_dir() and not leftover.is_symlink() and not _is_in_use(leftover):
                shutil.rmtree(leftover)
        folder = Path(tempfile.mkdtemp(prefix=_PARTIAL_PREFIX, dir=out))
    try:
        with user_facing_errors(out), _in_use(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """Show other runs that the folder is no leftover; where there are no locks, they cannot know."""
    with ExitStack() as lock:
        with suppress(OSError):
            lock.enter_context(exclusive_lock(folder / _LOCK_NAME))
        yield


def _is_in_use(folder: Path) -> bool:
    if not (folder / _LOCK_NAME).exists():
        return False
    try:
        with exclusive_lock(folder / _LOCK_NAME) as holder:
            return holder is not None
    except OSError:
        return False


def publish(folder: Path, out: Path, names: Sequence[str] = FILE_NAMES) -> list[Path]:
    """Move finished files into ``out``, each by one atomic rename, the last name as the mark of a whole result.

    An earlier mark is removed first, so that an interrupted replacement never looks whole.

    Args:
        folder: Where the files lie, on the file system of ``out``.
        out: Where they go.
        names: What to move, in this order.

    Raises:
        OSError: A file could not be replaced.
    """
    for name in names:
        _flush(folder / name)
    with folder_to_itself(out):
        _replace(folder, out, names)
    return [out / name for name in names]


def _replace(folder: Path, out: Path, names: Sequence[str]) -> None:
    # Of an earlier result nothing stays, or a review of then would stand beside an assessment of now.
    for name in (FILE_NAMES[-1], names[-1], *_SOMETIMES, *FILE_NAMES):
        if name not in names[:-1]:
            (out / name).unlink(missing_ok=True)
    for name in names:
        os.replace(folder / name, out / name)


@contextmanager
def user_facing_errors(out: Path) -> Iterator[None]:
    """Turn errors of the file system at ``out`` into one sentence for the user; others pass, they are defects."""
    try:
        yield
    except OSError as raised:
        error = system_error(raised)
        if error is None:
            raise
        elsewhere = error.filename is not None and out.absolute() not in Path(str(error.filename)).absolute().parents
        if elsewhere and Path(str(error.filename)).absolute() != out.absolute():
            raise
        if is_full(error):
            raise OutputError(f"No space is left in {out}: free some or choose another folder.") from raised
        if is_forbidden(error):
            raise OutputError(
                f"{out} cannot be written: change its permissions or choose another folder."
            ) from raised
        reason = error.strerror or str(error)
        raise OutputError(f"The results cannot be written to {out} ({reason}): choose another folder.") from raised


def _flush(path: Path) -> None:
    """Have the data on disk before the rename, so that a power failure leaves no renamed but empty file."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
