"""``model.json``: everything about a trained network but its weights."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from LNStationLib import anatomy
from LNStationLib.sampling.station_region import RegionSpec

MANIFEST_FILE, WEIGHTS_FILE = "model.json", "weights.safetensors"
FORMAT: Literal["lnstation-model"] = "lnstation-model"
TASK: Literal["station_metastasis"] = "station_metastasis"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkChoice(_Strict):
    """A registered network and its arguments (``LNStationLib.networks.registry``)."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class WeightsFile(_Strict):
    """The file of weights beside the manifest."""

    file: Literal["weights.safetensors"] = "weights.safetensors"
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    n_bytes: int = Field(gt=0)
    dtype: Literal["float16", "bfloat16", "float32"] = "float32"


class Calibration(_Strict):
    """Platt scaling: ``sigmoid(slope * logit + intercept)`` (Platt 1999), fitted on validation data only."""

    method: Literal["platt"] = "platt"
    slope: float = Field(gt=0, description="Above 0, so that the order of stations stays.")
    intercept: float
    fitted_on: str = Field(description="Which data, in words.")

    def probability(self, logit: float) -> float:
        """Calibrated probability in [0, 1]."""
        z = self.slope * logit + self.intercept
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


class OperatingPoint(_Strict):
    """A named threshold on the (calibrated) probability; at or above it a station is called positive."""

    name: str = Field(min_length=1)
    threshold: float = Field(ge=0, le=1)
    description: str
    sensitivity: float | None = Field(None, ge=0, le=1, description="On the data it was chosen on.")
    specificity: float | None = Field(None, ge=0, le=1)


class Metric(_Strict):
    """A measured figure and the cohort that it was measured on."""

    name: str
    value: float
    low: float | None = Field(None, description="Lower end of the 95 % interval.")
    high: float | None = None
    cohort: str
    n_patients: int = Field(ge=1)
    n_stations: int | None = Field(None, ge=1)


class CohortSummary(_Strict):
    """What the network was trained on."""

    title: str
    n_patients: int = Field(ge=1)
    n_stations: int = Field(ge=1)
    n_positive: int = Field(ge=0)
    description: str = ""


class Manifest(_Strict):
    """A model package's card, checked."""

    format: Literal["lnstation-model"] = FORMAT
    schema_version: Literal["1.0"] = "1.0"
    package_id: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")
    version: str
    title: str
    task: Literal["station_metastasis"]
    network: NetworkChoice
    inputs: list[Literal["ct", "node_mask"]] = Field(min_length=1, description="Channels in order.")
    region: RegionSpec
    stations: list[str] = Field(min_length=1, description="Stations it may be asked about.")
    n_groups: Literal[2, 3, 6] = 3
    operating_points: list[OperatingPoint] = Field(min_length=1, description="The first is the default.")
    calibration: Calibration | None = None
    metrics: list[Metric] = Field(default_factory=list)
    cohort: CohortSummary
    trained_on: Literal["synthetic", "clinical"]
    licence: str
    references: list[str] = Field(default_factory=list)
    intended_use: str = "Research use only. Not a medical device; not for clinical decisions."
    created: str = Field(description="ISO 8601 time in UTC.")
    lnstation_version: str
    weights: WeightsFile

    @field_validator("stations")
    @classmethod
    def _known_stations(cls, value: list[str]) -> list[str]:
        known = {row.name for row in anatomy.stations()}
        unknown = [name for name in value if name not in known]
        if unknown:
            raise ValueError(f"unknown stations {', '.join(unknown)}")
        return value

    @model_validator(mode="after")
    def _one_channel_an_input(self) -> Manifest:
        channels = self.network.arguments.get("in_channels", 2)
        if len(set(self.inputs)) != len(self.inputs) or channels != len(self.inputs):
            raise ValueError(f"the network has {channels} input channels, the inputs are {', '.join(self.inputs)}")
        return self

    @model_validator(mode="after")
    def _different_points(self) -> Manifest:
        names = [point.name for point in self.operating_points]
        if len(set(names)) != len(names):
            raise ValueError("two operating points have the same name")
        return self

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """Look an operating point up; the default for ``None``.

        Raises:
            ValueError: There is none of that name; the message lists those there are.
        """
        if name is None:
            return self.operating_points[0]
        for point in self.operating_points:
            if point.name == name:
                return point
        known = ", ".join(point.name for point in self.operating_points)
        raise ValueError(f"{self.package_id} has no operating point {name!r}; it has {known}")

    def probability(self, logit: float) -> float:
        """Probability of metastasis in [0, 1]; calibrated where the package carries a calibration."""
        return (self.calibration or _UNCALIBRATED).probability(logit)


_UNCALIBRATED = Calibration(slope=1.0, intercept=0.0, fitted_on="nothing")
