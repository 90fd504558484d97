"""What is kept of a fetched patient, of a prepared one, and of a whole folder: JSON files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from LNStationLib.batch.records import InputDigest

FORMAT = 1
"""Raised where what is written of a patient changes: everybody is converted again."""
FETCHED_FILE, MANIFEST_FILE = "fetched.json", "manifest.json"
PROVENANCE_FILE, SOURCE_FILE = "provenance.json", "source.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileDigest(_Strict):
    """A file by its path in a folder."""

    path: str
    size_bytes: int
    sha256: str


class Acceptance(_Strict):
    """That somebody accepted terms, and when (UTC)."""

    license: str
    url: str
    terms: str = ""
    accepted_on: str


class Fetched(_Strict):
    """``fetched.json``: where a folder of downloads comes from."""

    format: Literal[1] = 1
    recipe: str
    collection: str
    idc_version: str
    client: str = Field(description="Of the program that fetched it, with its version.")
    accepted: Acceptance
    dois: list[str]


class Manifest(_Strict):
    """``manifest.json`` of a fetched patient: written with the files or not at all."""

    patient: str
    series: dict[str, str] = Field(description="Modality by Series Instance UID.")
    files: list[FileDigest]


class NodeLine(_Strict):
    """A node of the table of nodes."""

    node: int
    station: str = ""
    given: list[str] = Field(default_factory=list)


class LeftOutLine(_Strict):
    """Something of a patient that is not in the cohort."""

    what: str
    why: str


class SourceRecord(_Strict):
    """``source.json`` in a case folder: what it was made of, written with it or not at all."""

    format: Literal[1] = 1
    recipe: str
    patient: str
    key: str = Field(description="Digest of everything but the files that decides the case.")
    inputs: list[InputDigest]
    identifiers: dict[str, str]
    columns: dict[str, str] = Field(description="Cells of the table of patients; files by their name in the folder.")
    nodes: list[NodeLine]
    left_out: list[LeftOutLine]
    notes: list[str]
    files: list[FileDigest]


class PreparedPatient(_Strict):
    """A patient of a prepared cohort, and the digest of its ``source.json``."""

    patient: str
    identifiers: dict[str, str]
    input_bytes: int
    input_sha256: dict[str, str] = Field(description="Digest of names and bytes by role.")
    record_sha256: str


class LabelStatement(_Strict):
    """Whether everything of a kind is labeled. Where it is ``some``, what has no label is unknown, not absent."""

    what: str
    column: str
    coverage: Literal["all", "some", "not checked"]


class Provenance(_Strict):
    """``provenance.json``: where a prepared cohort comes from."""

    format: Literal[1] = 1
    recipe: str
    title: str
    accepted: Acceptance
    dois: list[str]
    idc_version: str = Field("", description="Where the data came from the IDC.")
    lnstation: str
    labels: list[LabelStatement]
    tables_sha256: dict[str, str]
    patients: list[PreparedPatient]


def today() -> str:
    """The date in UTC, as ISO writes it."""
    return datetime.now(UTC).date().isoformat()
