"""Packages whose answer is a probability: its calibration, and the thresholds at which it is called positive."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, field_validator

from LNStationLib.models.package.parts import CardRow, Strict
from LNStationLib.models.package.sections import OneInputSection


class Calibration(Strict):
    """Platt scaling: ``sigmoid(slope * logit + intercept)`` (Platt 1999), fitted on validation data only."""

    method: Literal["platt"] = "platt"
    slope: float = Field(gt=0, description="Above 0, so that the order of samples stays.")
    intercept: float
    fitted_on: str = Field(description="Which data, in words.")

    def probability(self, logit: float) -> float:
        """Calibrated probability in [0, 1]."""
        z = self.slope * logit + self.intercept
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


_UNCALIBRATED = Calibration(slope=1.0, intercept=0.0, fitted_on="nothing")


class OperatingPoint(Strict):
    """A named threshold on the (calibrated) probability; at or above it a sample is called positive."""

    name: str = Field(min_length=1)
    threshold: float = Field(ge=0, le=1)
    description: str
    sensitivity: float | None = Field(None, ge=0, le=1, description="On the data it was chosen on.")
    specificity: float | None = Field(None, ge=0, le=1)

    def line(self) -> str:
        """The point as a line of a card."""
        rates = [
            f"{name} {rate:.2f}"
            for name, rate in (("sensitivity", self.sensitivity), ("specificity", self.specificity))
            if rate is not None
        ]
        return "; ".join([f"{self.name}: positive from {self.threshold:.3f}", *rates, self.description]).strip("; ")


class ProbabilitySection(OneInputSection):
    """A section of a task whose networks give one logit for each sample."""

    operating_points: list[OperatingPoint] = Field(min_length=1, description="The first is the default.")
    calibration: Calibration | None = None

    @field_validator("operating_points")
    @classmethod
    def _different_points(cls, value: list[OperatingPoint]) -> list[OperatingPoint]:
        if len({point.name for point in value}) != len(value):
            raise ValueError("two operating points have the same name")
        return value

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
        raise ValueError(f"no operating point {name!r}; it has {known}")

    def probability(self, logit: float) -> float:
        """Probability in [0, 1]; calibrated where the package carries a calibration."""
        return (self.calibration or _UNCALIBRATED).probability(logit)

    def card_rows(self) -> list[CardRow]:
        """Operating points and calibration."""
        calibrated = self.calibration.fitted_on if self.calibration else "none: probabilities are scores"
        points = tuple(point.line() for point in self.operating_points)
        return [CardRow("Operating points (the first is the default)", points), CardRow("Calibration", (calibrated,))]
