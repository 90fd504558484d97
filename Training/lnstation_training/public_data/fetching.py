"""Patients fetched from the IDC, one by one: each is there whole with the digests of its files, or not at all."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from lnstation_training.public_data.checking import PATIENTS
from lnstation_training.public_data.idc import Client, IdcSeries, client_version, series_of
from lnstation_training.public_data.recipe import Facts, IdcAccess
from lnstation_training.public_data.records import (
    FETCHED_FILE,
    MANIFEST_FILE,
    Acceptance,
    Fetched,
    Manifest,
)
from lnstation_training.public_data.writing import file_digests, publish
from LNStationLib.case.check import safe_name
from LNStationLib.export.json_files import read_model
from LNStationLib.export.output_folder import user_facing_errors
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.locks import exclusive_lock
from LNStationLib.support.progress import Progress, silent

_TEMPLATE = "%StudyInstanceUID/%Modality_%SeriesInstanceUID"
_UNFINISHED, _LOCK_FILE = ".unfinished-", ".fetch.lock"
_SPARE_BYTES = 1 << 30
"""Left free on the disk, for whatever else runs."""
_SIZE_TOLERANCE = 0.01
"""Part by which the sum of sizes may differ from the index's."""


@dataclass(frozen=True)
class FetchRequest:
    """Patients that are wanted.

    Attributes:
        facts: Of their data set.
        out: Folder; an unfinished one is completed.
        accepted: That the license was accepted.
        patients: Patient IDs; empty for all.
        first: No more than so many patients; ``None`` for all.
    """

    facts: Facts
    out: Path
    accepted: Acceptance
    patients: tuple[str, ...] = ()
    first: int | None = None


def fetch(request: FetchRequest, client: Client, progress: Progress = silent) -> tuple[int, int]:
    """Fetch patients; those who are there are kept.

    Returns:
        How many patients are there now, and how many of them were fetched now.

    Raises:
        InputError: The data are not in the IDC, a patient is not in the collection, or a download failed.
        OutputError: The folder holds something else, cannot be written, or has too little space.
    """
    access = access_of(request.facts)
    wanted = selected(series_of(client, access), request)
    with user_facing_errors(request.out):
        request.out.mkdir(parents=True, exist_ok=True)
        _claim(request, access, client)
        with exclusive_lock(request.out / _LOCK_FILE) as holder:
            if holder is not None:
                raise OutputError(f"process {holder or 'unknown'} is fetching into {request.out}: wait for it.")
            for leftover in request.out.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            # Named anew each time: the downloader of a run that was killed may still be writing into the last one.
            unfinished = request.out / f"{_UNFINISHED}{uuid.uuid4().hex}"
            todo = {name: series for name, series in wanted.items() if not _is_there(request.out, name, series)}
            _check_space(request.out, [one for series in todo.values() for one in series])
            for number, (name, series) in enumerate(todo.items()):
                progress(f"fetching {name}, {number + 1} of {len(todo)} patients", number / len(todo))
                _fetch_patient(request.out, unfinished / name, series, client)
            shutil.rmtree(unfinished, ignore_errors=True)
    return len(wanted), len(todo)


def access_of(facts: Facts) -> IdcAccess:
    """How a data set lies in the IDC.

    Raises:
        InputError: It does not; the message says where a person downloads it.
    """
    if isinstance(facts.access, IdcAccess):
        return facts.access
    raise InputError(
        f"{facts.name} is downloaded by hand: go to {facts.access.address}, accept its terms there, download "
        f"{facts.access.files}, and run train data prepare {facts.name} --from FOLDER."
    )


def selected(series: Sequence[IdcSeries], request: FetchRequest) -> dict[str, list[IdcSeries]]:
    """The series of the wanted patients, by patient.

    Raises:
        InputError: A patient is not in the collection, or an ID cannot name a folder.
    """
    found = {name: list(group) for name, group in itertools.groupby(series, lambda one: one.patient)}
    unknown = sorted(set(request.patients) - set(found))
    if unknown:
        raise InputError(f"{request.facts.title} has no patient {unknown[0]}: its first one is {next(iter(found))}.")
    odd = [name for name in found if safe_name(name) != name]
    if odd:
        raise InputError(f"the index names a patient {odd[0]!r}, which cannot name a folder: update idc-index.")
    names = [name for name in found if not request.patients or name in request.patients]
    return {name: found[name] for name in names[: request.first]}


def size_gb(series: Sequence[IdcSeries]) -> float:
    """Size of a download in GB."""
    return sum(one.size_mb for one in series) / 1000


def _claim(request: FetchRequest, access: IdcAccess, client: Client) -> None:
    """Write what the folder holds, or make sure that it holds the same.

    Raises:
        OutputError: It holds something else.
    """
    path, version = request.out / FETCHED_FILE, client.get_idc_version()
    if path.exists():
        there = read_model(path, Fetched, "output folder")
        if (there.recipe, there.idc_version) != (request.facts.name, version):
            raise OutputError(
                f"{request.out} holds {there.recipe} of IDC {there.idc_version}, and {request.facts.name} of IDC "
                f"{version} is to be fetched: choose another folder."
            )
        return
    visible = [entry.name for entry in request.out.iterdir() if not entry.name.startswith(".")]
    if visible:
        raise OutputError(f"{request.out} is not empty (it holds {min(visible)}): choose another folder.")
    fetched = Fetched(
        recipe=request.facts.name,
        collection=access.collection,
        idc_version=version,
        client=client_version(),
        accepted=request.accepted,
        dois=list(request.facts.cite),
    )
    (request.out / PATIENTS).mkdir()
    write_atomically(path, fetched.model_dump_json(indent=1) + "\n")


def _is_there(out: Path, name: str, series: Sequence[IdcSeries]) -> bool:
    """Whether a patient was fetched with these series, and every file has its size."""
    folder = out / PATIENTS / name
    try:
        manifest = read_model(folder / MANIFEST_FILE, Manifest, "patient")
        sizes = all((folder / one.path).stat().st_size == one.size_bytes for one in manifest.files)
    except (InputError, OSError):
        return False
    return sizes and set(manifest.series) == {one.uid for one in series}


def _check_space(out: Path, series: Sequence[IdcSeries]) -> None:
    needed, free = size_gb(series) * 1e9, shutil.disk_usage(out).free
    if needed + _SPARE_BYTES > free:
        raise OutputError(
            f"the download takes {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free: free some, choose another "
            "folder, or give --first."
        )


def _fetch_patient(out: Path, unfinished: Path, series: Sequence[IdcSeries], client: Client) -> None:
    name = unfinished.name
    unfinished.mkdir(parents=True)
    try:
        client.download_from_selection(
            str(unfinished),
            seriesInstanceUID=[one.uid for one in series],
            dirTemplate=_TEMPLATE,
            quiet=True,
            show_progress_bar=False,
        )
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError, requests.RequestException) as error:
        raise InputError(
            f"{name} could not be fetched from the IDC ({type(error).__name__}): check the network, and run the "
            "same command again; patients who are there are kept."
        ) from error
    for one in series:
        _check_series(unfinished / one.study / f"{one.modality}_{one.uid}", one, name)
    manifest = Manifest(
        patient=name, series={one.uid: one.modality for one in series}, files=file_digests(unfinished)
    )
    write_atomically(unfinished / MANIFEST_FILE, manifest.model_dump_json(indent=1) + "\n")
    publish(unfinished, out / PATIENTS / name)


def _check_series(folder: Path, series: IdcSeries, name: str) -> None:
    """Refuse a series that did not come as a whole; the client itself may end without a word.

    Raises:
        InputError: Files are missing, or shorter than the index says.
    """
    sizes = [path.stat().st_size for path in folder.glob("*") if path.is_file()] if folder.is_dir() else []
    expected = series.size_mb * 1e6
    if len(sizes) != series.files or abs(sum(sizes) - expected) > _SIZE_TOLERANCE * expected:
        raise InputError(
            f"{name}: {len(sizes)} of {series.files} files of a {series.modality} series came from the IDC: check "
            "the network, and run the same command again; patients who are there are kept."
        )
