"""How well a run's network finds organs in patients that it has not seen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Evaluation, Part
from lnstation_training.segmentation.folder import spacing_of
from lnstation_training.segmentation.prediction import PatientScores, predict_scores
from lnstation_training.segmentation.scores import mean_dice


class OrganFigure(BaseModel):
    """One organ over all patients.

    Attributes:
        organ: Class.
        dice: Mean over patients that have it; ``None`` where none has.
        worst: Least Dice of them.
        n: How many.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    organ: str
    dice: float | None
    worst: float | None
    n: int


class OrganEvaluation(Evaluation):
    """Dice by organ and patient.

    Attributes:
        classes: Name of the set of classes.
        organs: One for each class, in order.
        patients: Scores of every patient.
    """

    classes: str
    organs: list[OrganFigure]
    patients: list[PatientScores]

    @property
    def dice(self) -> float | None:
        """Mean over organs of the mean over patients."""
        found = [each.dice for each in self.organs if each.dice is not None]
        return sum(found) / len(found) if found else None

    def headline(self) -> str:
        """Mean Dice."""
        return f"{self.part} mean Dice {self.dice:.3f}" if self.dice is not None else f"{self.part}: no organ"


def evaluate(run: Run, part: Part, device: str) -> OrganEvaluation:
    """Segment every patient of a part of the fold."""
    run.data.setup()
    found = predict_scores(run.module, run.data, part, device, spacing_of(run.data.folder))
    names = run.module.names[1:]
    return OrganEvaluation(
        **run_facts(run, part),
        classes=run.module.classes.name,
        organs=[_figure(name, found) for name in names],
        patients=found,
    )


def _figure(name: str, patients: list[PatientScores]) -> OrganFigure:
    scores = [each for patient in patients for each in patient.scores if each.name == name]
    dice = [each.dice for each in scores if each.dice is not None]
    return OrganFigure(organ=name, dice=mean_dice(scores), worst=min(dice, default=None), n=len(dice))
