"""What size alone tells of a station: what a network must beat to be worth its trouble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from lnstation_training.evaluation.discrimination import both_classes
from lnstation_training.tasks.station_classification.prediction import Prediction, PredictionArrays
from LNStationLib.metastasis.clinical_criteria import CriteriaOptions

LIMIT_MM = CriteriaOptions().short_axis_threshold_mm
"""Short axis from which the clinical criteria call a node positive (RECIST 1.1)."""


class SizeCriterion(BaseModel):
    """The yes or no of "a node of at least 10 mm short axis" against pathology.

    Attributes:
        sensitivity: Part of the positive stations that it calls.
        specificity: Part of the negative stations that it does not call.
        auc: Area under the ROC curve of this yes or no, the mean of both.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sensitivity: float
    specificity: float
    auc: float


def size_scores(predictions: Sequence[Prediction]) -> np.ndarray:
    """The largest short axis in mm as a score; a station without a visible node comes below every other."""
    return np.array([-1.0 if each.short_axis_mm is None else each.short_axis_mm for each in predictions])


def size_criterion(predictions: Sequence[Prediction]) -> SizeCriterion | None:
    """Judge stations by their largest node; ``None`` where a class is missing."""
    labels, called = PredictionArrays(predictions).labels, size_scores(predictions) >= LIMIT_MM
    if not both_classes(labels):
        return None
    sensitivity, specificity = float(called[labels == 1].mean()), float((~called[labels == 0]).mean())
    return SizeCriterion(sensitivity=sensitivity, specificity=specificity, auc=(sensitivity + specificity) / 2)
