"""Which model package a step used, for its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from LNStationLib.state.assessment import Provenance


@dataclass(frozen=True)
class UsedModel:
    """A model package as a step's provenance names it.

    Attributes:
        package_id: Of the package.
        version: Of the package.
        sha256: Of its weights.
        trained_on: Kind of patients.
        references: Papers behind it.
        ran_on: Device.
        engine: What ran its network there.
    """

    package_id: str
    version: str
    sha256: str
    trained_on: Literal["synthetic", "clinical"]
    references: tuple[str, ...] = ()
    ran_on: str = "cpu"
    engine: str = "torch"

    def provenance(self) -> dict[str, Any]:
        """The fields of ``Provenance`` that are about a model."""
        return {
            "model_package": self.package_id,
            "model_version": self.version,
            "model_sha256": self.sha256,
            "trained_on": self.trained_on,
        }

    @classmethod
    def of(cls, row: Provenance) -> UsedModel | None:
        """What the provenance of a step says of its model; ``None`` where none was used."""
        if row.model_package is None or row.trained_on is None:
            return None
        return cls(
            row.model_package,
            row.model_version or "",
            row.model_sha256 or "",
            row.trained_on,
            tuple(row.references),
            str(row.settings.get("ran_on", "cpu")),
            str(row.settings.get("engine", "torch")),
        )

    def settings(self) -> dict[str, Any]:
        """What the settings of the step's provenance say beside its options."""
        return {"model": self.package_id, "ran_on": self.ran_on, "engine": self.engine}
