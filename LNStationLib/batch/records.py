"""What is kept of a case of a batch: the file ``unit.json`` in its folder, written with it or not at all."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""Raised where a record of before cannot be read any more; its case is assessed again."""

Outcome = Literal["assessed", "refused", "failed"]
"""``refused``: the input cannot be used, and will not be until it changes. ``failed``: what may pass; tried again."""
Decision = Literal["taken", "refused", "not needed"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputDigest(_Strict):
    """The files of one role, as they were when they were read."""

    role: str
    n_files: int
    size_bytes: int
    state: str = Field(description="Digest of names, sizes, times and inodes: cheap to compare.")
    content: str = Field(description="Digest of names and bytes.")
    settled: bool = Field(description="No file had changed so lately that its times could hide a later change.")


class OutputDigest(_Strict):
    """A file of the results."""

    name: str
    size_bytes: int
    sha256: str


class SeriesChoice(_Strict):
    """Why a series of a study was taken or refused."""

    series_number: int | None = None
    modality: str = ""
    n_images: int = 0
    kernel: str = ""
    slice_distance_mm: float | None = None
    decision: Decision
    code: str
    facts: dict[str, str | int | float] = Field(default_factory=dict)
    series: str = Field("", description="Digest of the Series Instance UID.")
    identifiers: dict[str, str] = Field(default_factory=dict, description="Only where they were asked for.")


class UnitRecord(_Strict):
    """One case.

    ``key`` is the digest of everything that decides the outcome: bytes of the input, facts, settings, formats,
    versions. Where it is the same, the case need not be assessed again.
    """

    format: Literal[1] = 1
    case_id: str
    key: str
    outcome: Outcome
    code: str = Field("", description="Kind of a failure.")
    sentence: str = Field("", description="Of a failure, for people.")
    run: str = Field("", description="Which run met the failure.")
    inputs: list[InputDigest] = Field(default_factory=list)
    outputs: list[OutputDigest] = Field(default_factory=list)
    choices: list[SeriesChoice] = Field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = Field(0.0, description="Of all threads of the worker's process.")
    memory_mib: float | None = Field(None, description="Of the worker's process after the case.")
