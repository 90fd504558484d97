"""The NCI Imaging Data Commons through idc-index, asked for by the few calls that fetching needs."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
from dataclasses import dataclass
from typing import Any, Protocol

from lnstation_training.public_data.recipe import IdcAccess
from LNStationLib.support.errors import InputError

REQUIREMENT = "idc-index==0.13.4"
"""Kept with ``pyproject.toml``'s by a test."""
_MODULE = "idc_index"
_COLUMNS = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "instanceCount",
    "series_size_MB",
    "license_short_name",
    "source_DOI",
)


class Client(Protocol):
    """What is used of ``idc_index.IDCClient``."""

    def sql_query(self, sql_query: str) -> Any:
        """A data frame of the answer to a query of the index, which comes with the package."""

    def get_idc_version(self) -> str:
        """Version of the IDC that the index describes, such as ``v25``."""

    def download_from_selection(
        self,
        downloadDir: str,  # noqa: N803 (the client's spelling)
        *,
        seriesInstanceUID: list[str],  # noqa: N803
        dirTemplate: str,  # noqa: N803
        quiet: bool,
        show_progress_bar: bool,
    ) -> None:
        """Download series into a folder."""


@dataclass(frozen=True)
class IdcSeries:
    """A series of the index."""

    patient: str
    study: str
    uid: str
    modality: str
    files: int
    size_mb: float
    license: str
    doi: str


def open_client() -> Client:
    """A client of the IDC.

    Raises:
        InputError: idc-index is not installed; the message says how to install it.
    """
    if importlib.util.find_spec(_MODULE) is None:
        raise InputError(f"fetching from the IDC needs idc-index: run python -m pip install {REQUIREMENT}.")
    # What goes wrong is found out by counting what came, and said in one sentence.
    logging.getLogger(_MODULE).setLevel(logging.CRITICAL)
    client: Client = importlib.import_module(_MODULE).IDCClient()
    return client


def client_version() -> str:
    """Name and version of the package."""
    name = REQUIREMENT.partition("==")[0]
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return name


def series_of(client: Client, access: IdcAccess) -> list[IdcSeries]:
    """The series that a recipe fetches, by patient.

    Raises:
        InputError: The index knows none, or some under another license than the recipe was written for.
    """
    rows = client.sql_query(_query(access)).to_dict("records")
    found = [_series(row) for row in rows]
    if not found:
        raise InputError(f"the IDC has no series of {access.collection} in this version: update idc-index.")
    changed = sorted({one.license for one in found} - set(access.licenses))
    if changed:
        raise InputError(
            f"the IDC now has {access.collection} under {', '.join(changed)} and the recipe was written for "
            f"{', '.join(access.licenses)}: read the new license and correct the recipe."
        )
    return sorted(found, key=lambda one: (one.patient, one.study, one.uid))


def _query(access: IdcAccess) -> str:
    """Nothing in it comes from outside; recipes are code."""
    annotations = "".join(f" OR analysis_result_id = '{name}'" for name in access.annotations)
    modalities = ", ".join(f"'{name}'" for name in access.modalities)
    return (
        f"SELECT {', '.join(_COLUMNS)} FROM index WHERE collection_id = '{access.collection}' "
        f"AND Modality IN ({modalities}) AND (analysis_result_id IS NULL{annotations})"
    )


def _series(row: dict[str, Any]) -> IdcSeries:
    return IdcSeries(
        patient=str(row["PatientID"]),
        study=str(row["StudyInstanceUID"]),
        uid=str(row["SeriesInstanceUID"]),
        modality=str(row["Modality"]),
        files=int(row["instanceCount"]),
        size_mb=float(row["series_size_MB"]),
        license=str(row["license_short_name"]),
        doi=str(row["source_DOI"]),
    )
