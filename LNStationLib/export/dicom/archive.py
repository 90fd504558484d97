"""An archive by DICOMweb: find and fetch a study (QIDO, WADO), store objects in it (STOW; DICOM PS3.18)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import add_certs_to_session
from pydicom import dcmread
from pydicom.uid import RE_VALID_UID

from LNStationLib.export.dicom.archive_access import PASSWORD_VARIABLE, TOKEN_VARIABLE, USER_VARIABLE, ArchiveAccess
from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.dicom_series import MIN_SLICES
from LNStationLib.imaging.discretion import no_values_told
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion, silent
from LNStationLib.support.reason import Reason

logger = logging.getLogger(__name__)

_TIMEOUT_S = (10.0, 300.0)
"""To connect, and between two pieces of an answer: archives fetch old studies from tape."""
_MODALITY, _SERIES, _NUMBER, _TITLE, _COUNT = "00080060", "0020000E", "00200011", "0008103E", "00201209"
_FRAMES = "00280008"
_READ = ("CT", "PT")
_ASKED = ("Modality", "SeriesNumber", "SeriesDescription", "NumberOfSeriesRelatedInstances")


@dataclass(frozen=True)
class FetchedStudy:
    """Images of a study in folders of their own.

    Attributes:
        ct: Folder of the CT series.
        pet: Folder of the PET series, or ``None``.
    """

    ct: Path
    pet: Path | None


@dataclass(frozen=True)
class _Series:
    """A series as the archive lists it: its files, and its slices where enhanced ones hold several."""

    uid: str
    modality: str
    images: int | None
    slices: int | None
    title: str

    @property
    def label(self) -> str:
        return f"{self.title} ({'?' if self.slices is None else self.slices} images, {self.uid})"


class _Session(requests.Session):
    """A session whose own certificates go before those of the environment; requests has it the other way around."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """What a request uses."""
        own = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, own, cert)


class Archive:
    """An archive that speaks DICOMweb.

    Args:
        access: Address and secrets.
    """

    def __init__(self, access: ArchiveAccess) -> None:
        self._access = access
        session = _Session()
        if access.token:
            session.headers["Authorization"] = f"Bearer {access.token}"
        if access.login:
            session.auth = access.login
        files = [None if path is None else str(path) for path in (access.ca, access.certificate)]
        add_certs_to_session(session, *files)
        self._client = DICOMwebClient(access.url, session=session, timeout=_TIMEOUT_S)
        # A repeated request would begin where the first one's data ended.
        self._client.set_http_retry_params(retry=False)

    @no_values_told()
    def fetch(
        self, study: str, folder: Path, warn: Warn, series: str | None = None, progress: Progress = silent
    ) -> FetchedStudy:
        """Fetch the CT of a study, and its PET where it has one.

        Args:
            study: Study Instance UID.
            folder: An empty folder; what was fetched before a failure is the caller's to remove.
            warn: Told of several PET series, of which none is taken.
            series: Series Instance UID of the CT, where the study has several.
            progress: Told the running step.

        Raises:
            InputError: No such study, no or several CT series, or the archive refuses, fails or breaks off.
        """
        _check_uid(study, "study")
        progress("asking the archive for the study", 0.0)
        with self._user_facing("nothing was fetched"):
            listed = [_series(entry) for entry in self._client.search_for_series(study, fields=_ASKED)]
            found = [self._with_frames(study, one) for one in listed]
        ct = _chosen_ct(found, series, self._access.host)
        pet = _chosen_pet(found, warn)
        self._fetch_series(study, ct, folder / "ct", portion(progress, 0.0, 0.7 if pet else 1.0))
        if pet is not None:
            self._fetch_series(study, pet, folder / "pet", portion(progress, 0.7, 1.0))
        return FetchedStudy(folder / "ct", None if pet is None else folder / "pet")

    @no_values_told()
    def store(self, files: Sequence[Path], progress: Progress = silent) -> None:
        """Store files in one request, so that an archive that breaks off has none of them.

        Args:
            files: DICOM files of one study.
            progress: Told the running step.

        Raises:
            InputError: The archive refuses an object, fails or breaks off.
        """
        progress(f"storing {len(files)} objects in the archive", 0.0)
        datasets = [dcmread(path) for path in files]
        with self._user_facing("nothing was stored"):
            answer = self._client.store_instances(datasets, study_instance_uid=str(datasets[0].StudyInstanceUID))
        refused = [str(item.get("ReferencedSOPInstanceUID", "")) for item in answer.get("FailedSOPSequence") or ()]
        if refused:
            names = [path.name for path, one in zip(files, datasets, strict=True) if one.SOPInstanceUID in refused]
            raise InputError(
                f"the archive at {self._access.host} refused {len(refused)} of {len(files)} objects "
                f"({', '.join(names)}): ask its administrator which kinds of objects it takes; the files are kept."
            )
        progress("objects stored in the archive", 1.0)

    def _with_frames(self, study: str, series: _Series) -> _Series:
        """A series of few files with the slices in them: enhanced files hold a volume each."""
        if series.modality not in _READ or series.images is None or series.images >= MIN_SLICES:
            return series
        files = self._client.search_for_instances(study, series.uid, fields=["NumberOfFrames"])
        frames = (_value(file, _FRAMES) for file in files)
        return replace(series, slices=sum(int(count) if count.isdigit() else 1 for count in frames))

    def _fetch_series(self, study: str, series: _Series, folder: Path, progress: Progress) -> None:
        folder.mkdir()
        count = 0
        with self._user_facing("nothing was kept"):
            for image in self._client.iter_series(study, series.uid):
                count += 1
                image.save_as(folder / f"{count:05d}.dcm", enforce_file_format=True)
                progress(f"fetching the {series.modality} series", count / max(series.images or count, count))
        # Without a length in its header, an answer that breaks off looks like one that ends.
        if series.images is not None and count < series.images:
            raise self._broken_off(f"{count} of {series.images} images came, nothing was kept")

    @contextmanager
    def _user_facing(self, outcome: str) -> Iterator[None]:
        """One sentence for whatever goes wrong between here and the archive."""
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise InputError(
                f"the certificate of {self._access.host} is not trusted ({outcome}): give its authority with --ca."
            ) from error
        except requests.exceptions.HTTPError as error:
            raise InputError(self._refusal(error, outcome)) from error
        except (requests.exceptions.RequestException, *dcm.DAMAGED) as error:
            logger.debug("%s: %s", self._access.host, type(error).__name__)
            raise self._broken_off(outcome) from error

    def _broken_off(self, outcome: str) -> InputError:
        return InputError(
            f"the archive at {self._access.host} does not answer, or broke off ({outcome}): check that it is running "
            "and try again."
        )

    def _refusal(self, error: requests.exceptions.HTTPError, outcome: str) -> str:
        status = 0 if error.response is None else error.response.status_code
        if status in (401, 403):
            return (
                f"the archive at {self._access.host} wants a token or password ({outcome}): set {TOKEN_VARIABLE}, "
                f"--token-file, or {USER_VARIABLE} and {PASSWORD_VARIABLE}."
            )
        if status == 404:
            return f"the archive at {self._access.host} has nothing at that address or no such study ({outcome})."
        return f"the archive at {self._access.host} answers with error {status} ({outcome}): try again later."


def _check_uid(uid: str, what: str) -> None:
    if re.fullmatch(RE_VALID_UID, uid) is None:
        raise InputError(f"--{what} {uid!r} is not a UID, such as 1.2.840.113619.2.55.3.")


def _series(entry: dict[str, Any]) -> _Series:
    """A series of the answer, as DICOM JSON."""
    number, title = _value(entry, _NUMBER), _value(entry, _TITLE)
    count = _value(entry, _COUNT)
    images = int(count) if count.isdigit() else None
    said = f"series {number or '?'} '{title}'"
    return _Series(_value(entry, _SERIES), _value(entry, _MODALITY), images, images, said)


def _value(entry: dict[str, Any], tag: str) -> str:
    values = entry.get(tag, {}).get("Value") or [""]
    return str(values[0]).strip()


def _usable(found: Sequence[_Series], modality: str) -> list[_Series]:
    return [one for one in found if one.modality == modality and (one.slices is None or one.slices >= MIN_SLICES)]


def _chosen_ct(found: Sequence[_Series], wanted: str | None, host: str) -> _Series:
    if not found:
        raise InputError(f"the archive at {host} has no such study, or shows none of its series.")
    usable = _usable(found, "CT")
    if wanted is not None:
        usable = [one for one in usable if one.uid == wanted]
    if not usable:
        which = "no CT series of that UID" if wanted else f"no CT series of at least {MIN_SLICES} images"
        raise InputError(f"the study has {which}; it holds {'; '.join(one.label for one in found)}.")
    if len(usable) > 1:
        listed = "; ".join(one.label for one in usable)
        raise InputError(f"the study has several CT series: choose one with --series UID ({listed}).")
    return usable[0]


def _chosen_pet(found: Sequence[_Series], warn: Warn) -> _Series | None:
    usable = _usable(found, "PT")
    if len(usable) > 1:
        warn(Reason("several_pet_series", {"n_series": len(usable)}))
    return usable[0] if len(usable) == 1 else None
