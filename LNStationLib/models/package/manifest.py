"""``model.json``: everything about a package's networks but their weights."""

from __future__ import annotations

import hashlib
from typing import Generic, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from LNStationLib.models.package.parts import CohortSummary, Metric, NetworkEntry, Strict
from LNStationLib.models.package.sections import Section

MANIFEST_FILE = "model.json"
FORMAT: Literal["lnstation-model"] = "lnstation-model"
SCHEMA_VERSION: Literal["2.0"] = "2.0"
_MAX_NETWORKS = 32
"""More than any ensemble or cascade of the field; bounds what a hostile package makes us read."""


class Manifest(Strict, Generic[Section]):
    """A model package's card, checked: an envelope that every task shares, and the section of its task."""

    format: Literal["lnstation-model"] = FORMAT
    schema_version: Literal["2.0"] = SCHEMA_VERSION
    package_id: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")
    version: str
    title: str
    task: str = Field(description="Decides what the section holds.")
    networks: list[NetworkEntry] = Field(min_length=1, max_length=_MAX_NETWORKS)
    section: SerializeAsAny[Section]
    metrics: list[Metric] = Field(default_factory=list)
    cohort: CohortSummary
    trained_on: Literal["synthetic", "clinical"]
    licence: str
    references: list[str] = Field(default_factory=list)
    intended_use: str = "Research use only. Not a medical device; not for clinical decisions."
    created: str = Field(description="ISO 8601 time in UTC.")
    lnstation_version: str

    @field_validator("networks")
    @classmethod
    def _told_apart(cls, value: list[NetworkEntry]) -> list[NetworkEntry]:
        for what in ({entry.role for entry in value}, {entry.weights.file for entry in value}):
            if len(what) != len(value):
                raise ValueError("two networks have the same role or the same file of weights")
        return value

    @model_validator(mode="after")
    def _of_one_task(self) -> Manifest[Section]:
        if self.task != self.section.task:
            raise ValueError(f"the task is {self.task!r}, and the section is of {self.section.task!r}")
        self.section.check_networks(self.networks)
        return self

    def network(self, role: str) -> NetworkEntry:
        """The network of a role.

        Raises:
            KeyError: There is none.
        """
        return {entry.role: entry for entry in self.networks}[role]

    @property
    def sha256(self) -> str:
        """Hash that identifies the weights: a single network's own, else that of all roles and hashes in order."""
        if len(self.networks) == 1:
            return self.networks[0].weights.sha256
        rows = sorted(f"{entry.role} {entry.weights.sha256}\n" for entry in self.networks)
        return hashlib.sha256("".join(rows).encode()).hexdigest()

    @property
    def n_bytes(self) -> int:
        """Size of all weights."""
        return sum(entry.weights.n_bytes for entry in self.networks)
