"""From a folder of downloads to a cohort: patients converted once each, tables, and where everything comes from."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lnstation_training.public_data.recipe import LeftOut, PatientSource, Recipe, Search
from lnstation_training.public_data.records import (
    FETCHED_FILE,
    FORMAT,
    PROVENANCE_FILE,
    SOURCE_FILE,
    Acceptance,
    Fetched,
    Provenance,
    SourceRecord,
)
from lnstation_training.public_data.registry import recipe_named
from lnstation_training.public_data.tables import LEFT_OUT_FILE, provenance_of, write_tables
from lnstation_training.public_data.writing import (
    CASES,
    file_digests,
    images_of,
    node_lines,
    notes_of,
    publish,
    write_case_file,
    write_images,
)
from LNStationLib.batch import contents
from LNStationLib.export.json_files import read_model
from LNStationLib.export.output_folder import user_facing_errors
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.failures import is_out_of_memory
from LNStationLib.support.locks import exclusive_lock
from LNStationLib.support.processes import spread_or_serial
from LNStationLib.support.progress import Progress, portion, silent
from LNStationLib.support.reason import Reason

_log = logging.getLogger(__name__)
_LOCK_FILE, _UNFINISHED, _SCRATCH = ".prepare.lock", ".unfinished", ".scratch"
_FOUND = 0.05
"""Part of the progress that looking for patients takes."""


@dataclass(frozen=True)
class PrepareRequest:
    """A cohort that is wanted.

    Attributes:
        recipe: Name of the data set.
        source: Folder that was downloaded.
        out: Folder of the cohort; an unfinished one is completed.
        accepted: That the license was accepted now; ``None`` where fetching has recorded it.
        labels: Further labels, where the recipe takes such.
        workers: Processes; never changes the result.
    """

    recipe: str
    source: Path
    out: Path
    accepted: Acceptance | None = None
    labels: Path | None = None
    workers: int = 1


@dataclass(frozen=True)
class Outcome:
    """What became of it: patients in the cohort, how many of them were converted now, and what is left out."""

    patients: int
    converted: int
    left_out: list[LeftOut]


def prepare(request: PrepareRequest, progress: Progress = silent) -> Outcome:
    """Convert a folder of downloads into a cohort.

    Patients that cannot be used are left out and named in ``left_out.csv``; the others are done.

    Raises:
        InputError: The license was not accepted, the folder holds another data set, or no patient could be used.
        OutputError: The output folder holds something else, or cannot be written.
    """
    recipe = recipe_named(request.recipe)
    _check_folders(request, recipe)
    fetched, accepted = accepted_terms(request, recipe)
    with _claimed(request.out, request.recipe):
        search = Search(request.source, request.out / _SCRATCH, request.labels, request.workers)
        found = recipe.find(search, portion(progress, 0.0, _FOUND))
        todo = [source for source in found.patients if not _is_done(source, request)]
        failed = list(_converted(todo, request, portion(progress, _FOUND, 1.0)))
        left_out = [*found.left_out, *failed]
        records = [record for source in found.patients if (record := read_record(request.out, source.patient))]
        provenance = provenance_of(recipe.facts, accepted, fetched, request.out, records)
        with user_facing_errors(request.out):
            write_tables(request.out, recipe.facts, records, left_out, provenance)
    if not records:
        raise InputError(_none_used(left_out, request.out))
    return Outcome(len(records), len(todo) - len(failed), left_out)


def _none_used(left_out: Sequence[LeftOut], out: Path) -> str:
    patients = (one for one in left_out if one.what == "patient")
    first = next((f" (the first, {one.patient}: {one.why.rstrip('.')})" for one in patients), "")
    return f"no patient could be used{first}: {out}/{LEFT_OUT_FILE} names all."


def accepted_terms(request: PrepareRequest, recipe: Recipe) -> tuple[Fetched | None, Acceptance]:
    """What was fetched, if it was, and that the license was accepted, now or then.

    Raises:
        InputError: It was not.
    """
    path = request.source / FETCHED_FILE
    fetched = read_model(path, Fetched, "fetched folder") if path.exists() else None
    accepted = request.accepted or (fetched.accepted if fetched and fetched.recipe == request.recipe else None)
    if accepted is None:
        terms = recipe.facts.license
        raise InputError(
            f"{recipe.facts.title} may be used under its license ({terms.name}, {terms.url}): read it and give "
            "--accept-license."
        )
    return fetched, accepted


def read_record(out: Path, patient: str) -> SourceRecord | None:
    """The record of a finished patient; ``None`` where there is none, or none that can be read."""
    path = out / CASES / patient / SOURCE_FILE
    try:
        return read_model(path, SourceRecord, "patient") if path.exists() else None
    except InputError:
        return None


def _check_folders(request: PrepareRequest, recipe: Recipe) -> None:
    for folder in (request.source, request.labels):
        if folder is not None and not folder.exists():
            raise InputError(f"there is no file or folder {folder}: check the path.")
    if not request.source.is_dir():
        raise InputError(f"{request.source} is a file: unpack it with train data unpack and give the folder.")
    if request.labels is not None and not recipe.takes_labels:
        raise InputError(f"{request.recipe} takes no --labels.")


@contextmanager
def _claimed(out: Path, recipe: str) -> Iterator[None]:
    """Hold the output folder within the block, and sweep away what a killed run has left.

    Raises:
        OutputError: Another run holds it, or it holds something else.
    """
    with user_facing_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        _check_ours(out, recipe)
        with exclusive_lock(out / _LOCK_FILE) as holder:
            if holder is not None:
                raise OutputError(f"process {holder or 'unknown'} is writing into {out}: wait until it has ended.")
            shutil.rmtree(out / _UNFINISHED, ignore_errors=True)
            (out / _UNFINISHED).mkdir()
            (out / _SCRATCH).mkdir(exist_ok=True)
            (out / CASES).mkdir(exist_ok=True)
            try:
                yield
            finally:
                shutil.rmtree(out / _UNFINISHED, ignore_errors=True)


def _check_ours(out: Path, recipe: str) -> None:
    path = out / PROVENANCE_FILE
    if path.exists():
        there = read_model(path, Provenance, "output folder").recipe
        if there != recipe:
            raise OutputError(f"{out} holds a cohort of {there}: choose another folder.")
        return
    visible = {entry.name for entry in out.iterdir() if not entry.name.startswith(".")}
    if visible - {CASES}:
        raise OutputError(f"{out} is not empty (it holds {min(visible)}) and holds no cohort: choose another folder.")


def _is_done(source: PatientSource, request: PrepareRequest) -> bool:
    """Whether a patient was made of the same files and facts, and stands there whole."""
    record = read_record(request.out, source.patient)
    if record is None or record.key != key_of(source, request.recipe):
        return False
    before, now = {digest.role: digest for digest in record.inputs}, _inputs(source, request.source)
    try:
        same = set(before) == set(now) and all(
            contents.read(role, files, before[role]).content == before[role].content for role, files in now.items()
        )
    except OSError:  # Converting says which file cannot be read.
        return False
    folder = request.out / CASES / source.patient
    return same and all(_is_whole(folder / one.path, one.size_bytes) for one in record.files)


def _is_whole(path: Path, size_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == size_bytes


def key_of(source: PatientSource, recipe: str) -> str:
    """Digest of everything but the files that decides a case."""
    nodes = [[one.node, one.station, *one.given] for one in source.nodes]
    content = [FORMAT, recipe, source.patient, sorted(source.cells.items()), nodes]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _inputs(source: PatientSource, folder: Path) -> dict[str, dict[str, Path]]:
    """Files by role, each with a name that does not depend on where the folder lies."""
    return {role: {_name(path, folder): path for path in files} for role, files in source.files.items() if files}


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _converted(todo: Sequence[PatientSource], request: PrepareRequest, progress: Progress) -> Iterator[LeftOut]:
    """Convert patients; gives those who could not be."""
    work = partial(convert, recipe=request.recipe, folder=request.source, out=request.out)
    progress(f"converting {len(todo)} patients", 0.0)
    for number, (_, problem) in enumerate(spread_or_serial(work, todo, request.workers), 1):
        if problem is not None:
            yield problem
        progress(f"{number} of {len(todo)} patients", number / len(todo))


def convert(source: PatientSource, recipe: str, folder: Path, out: Path) -> LeftOut | None:
    """Make the case folder of a patient.

    Returns:
        Why the patient is left out; ``None`` where it is done.

    Raises:
        OutputError: The case folder cannot be written.
    """
    unfinished = out / _UNFINISHED / source.patient
    try:
        with user_facing_errors(out):
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            _write(source, recipe, folder, unfinished)
            publish(unfinished, out / CASES / source.patient)
    except OutputError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        _log.debug("%s cannot be converted", source.patient, exc_info=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        return LeftOut(source.patient, "patient", _why(error))
    return None


def _why(error: Exception) -> str:
    """One sentence on why a patient could not be converted."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        return f"a file cannot be read ({error.strerror or type(error).__name__}): check the download."
    return f"Defect in LNStation ({type(error).__name__}): run train --debug data prepare for the details."


def _write(source: PatientSource, recipe: str, folder: Path, unfinished: Path) -> None:
    """Images, ``case.json`` and the record of a patient."""
    reasons: list[Reason] = []
    inputs = [contents.read(role, files) for role, files in _inputs(source, folder).items()]
    parts = recipe_named(recipe).read(source, reasons.append)
    case, images = images_of(parts, reasons.append)
    nodes, missing = node_lines(source, images)
    names = write_images(case, images, unfinished)
    write_case_file(case, names, unfinished)
    record = SourceRecord(
        recipe=recipe,
        patient=source.patient,
        key=key_of(source, recipe),
        inputs=inputs,
        identifiers=dict(source.identifiers),
        columns={**names, **({"pet_units": "suvbw"} if "pet" in names else {}), **parts.cells},
        nodes=nodes,
        left_out=missing,
        notes=notes_of(reasons),
        files=file_digests(unfinished),
    )
    write_atomically(unfinished / SOURCE_FILE, record.model_dump_json(indent=1) + "\n")
