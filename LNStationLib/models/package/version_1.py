"""Manifests of schema version 1.0, which knew one task and one network, and how they become today's."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from LNStationLib.models.package.manifest import Manifest
from LNStationLib.models.package.parts import CohortSummary, Metric, NetworkEntry, Strict, WeightsFile
from LNStationLib.models.package.probability import Calibration, OperatingPoint
from LNStationLib.models.package.station_classification import CLASSIFIER, StationClassification
from LNStationLib.sampling.station_region import RegionSpec

SCHEMA_VERSION = "1.0"


class _Network(Strict):
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class _Weights(WeightsFile):
    file: Literal["weights.safetensors"] = "weights.safetensors"


class _Metric(Strict):
    name: str
    value: float
    low: float | None = None
    high: float | None = None
    cohort: str
    n_patients: int = Field(ge=1)
    n_stations: int | None = Field(None, ge=1)

    def upgraded(self) -> Metric:
        counts = {} if self.n_stations is None else {"stations": self.n_stations}
        return Metric(**self.model_dump(exclude={"n_stations"}), counts=counts)


class _Cohort(Strict):
    title: str
    n_patients: int = Field(ge=1)
    n_stations: int = Field(ge=1)
    n_positive: int = Field(ge=0)
    description: str = ""

    def upgraded(self) -> CohortSummary:
        counts = {"stations": self.n_stations, "metastatic stations": self.n_positive}
        return CohortSummary(
            title=self.title, n_patients=self.n_patients, counts=counts, description=self.description
        )


class ManifestV1(Strict):
    """A manifest as version 1.0 had it."""

    format: Literal["lnstation-model"]
    schema_version: Literal["1.0"]
    package_id: str
    version: str
    title: str
    task: Literal["station_metastasis"]
    network: _Network
    inputs: list[Literal["ct", "node_mask"]] = Field(min_length=1)
    region: RegionSpec
    stations: list[str]
    n_groups: Literal[2, 3, 6] = 3
    operating_points: list[OperatingPoint]
    calibration: Calibration | None = None
    metrics: list[_Metric] = Field(default_factory=list)
    cohort: _Cohort
    trained_on: Literal["synthetic", "clinical"]
    licence: str
    references: list[str] = Field(default_factory=list)
    intended_use: str = "Research use only. Not a medical device; not for clinical decisions."
    created: str
    lnstation_version: str
    weights: _Weights

    @model_validator(mode="after")
    def _one_channel_for_each_input(self) -> ManifestV1:
        channels = self.network.arguments.get("in_channels", 2)
        if channels != len(self.inputs):
            raise ValueError(f"the network has {channels} input channels, the inputs are {', '.join(self.inputs)}")
        return self

    def upgraded(self) -> Manifest[StationClassification]:
        """The same package as a manifest of today's schema."""
        same = {"package_id", "version", "title", "trained_on", "licence", "references", "intended_use"}
        return Manifest[StationClassification](
            **self.model_dump(include=same | {"created", "lnstation_version"}),
            task=StationClassification.task,
            networks=[self._network_entry()],
            section=self._section(),
            metrics=[metric.upgraded() for metric in self.metrics],
            cohort=self.cohort.upgraded(),
        )

    def _network_entry(self) -> NetworkEntry:
        # The number of channels follows from their names.
        arguments = {key: value for key, value in self.network.arguments.items() if key != "in_channels"}
        weights = WeightsFile(**self.weights.model_dump())
        return NetworkEntry(role=CLASSIFIER, name=self.network.name, arguments=arguments, weights=weights)

    def _section(self) -> StationClassification:
        return StationClassification(
            channels=list(self.inputs),
            region=self.region,
            stations=self.stations,
            n_groups=self.n_groups,
            operating_points=self.operating_points,
            calibration=self.calibration,
        )
