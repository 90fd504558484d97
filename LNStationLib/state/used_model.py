"""Which model package a step used, for its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


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

    def settings(self) -> dict[str, Any]:
        """What the settings of the step's provenance say beside its options."""
        return {"model": self.package_id, "ran_on": self.ran_on, "engine": self.engine}
