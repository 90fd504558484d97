"""What every manifest is made of, whatever its task: networks and weights, cohort, metrics, rows of the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["float16", "bfloat16", "float32"]
Counts = dict[str, int]
"""How many of what, by the plural in words: ``{"stations": 786, "metastatic stations": 224}``."""


class Strict(BaseModel):
    """Refuses fields that it does not know, and is never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WeightsFile(Strict):
    """A file of weights beside the manifest."""

    file: str = Field("weights.safetensors", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\.safetensors$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    n_bytes: int = Field(gt=0)
    dtype: Precision = "float32"


class NetworkEntry(Strict):
    """A registered network (``LNStationLib.networks.registry``), its arguments and its weights.

    Attributes:
        role: What it does in the package, e.g. ``"classifier"``, or ``"coarse"`` and ``"fine"`` in a cascade; the
            package's task says which roles there are.
    """

    role: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    weights: WeightsFile


class Metric(Strict):
    """A measured figure and the cohort that it was measured on."""

    name: str
    value: float
    low: float | None = Field(None, description="Lower end of the 95 % interval.")
    high: float | None = None
    cohort: str
    n_patients: int = Field(ge=1)
    counts: Counts = Field(default_factory=dict, description="What else it was measured on, e.g. stations.")


class CohortSummary(Strict):
    """What the networks were trained on."""

    title: str
    n_patients: int = Field(ge=1)
    counts: Counts = Field(default_factory=dict, description="Of the training part, e.g. stations.")
    description: str = ""


@dataclass(frozen=True)
class CardRow:
    """A row of a package's card for people: a title and lines of text."""

    title: str
    lines: tuple[str, ...]
