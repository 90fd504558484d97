"""How well the second stage, and both stages together, find nodes in patients that training has not seen."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Part
from lnstation_training.evaluation.detection import PatientHits
from lnstation_training.tasks.node_candidates.data_module import NodeCandidateData
from lnstation_training.tasks.node_candidates.lightning_module import NodeCandidateModule, probabilities
from lnstation_training.tasks.node_detection.evaluation import Figure, NodeEvaluation, figures_of

FIRST_STAGE = "first stage alone: "
"""Before the names of figures of the same candidates ranked by the first stage's score."""


class CandidateAnswer(BaseModel):
    """One candidate.

    Attributes:
        patient: Identifier.
        candidate: Number of the candidate.
        label: 1 true, 0 false.
        probability: That it is true.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    candidate: int
    label: int
    probability: float


def predict(module: NodeCandidateModule, data: NodeCandidateData, part: Part, device: str) -> list[CandidateAnswer]:
    """The answer for every candidate of a part, in order."""
    data.setup()
    module = module.to(device).eval()
    found = [each for batch in data.loader(part) for each in probabilities(module, batch, device)]
    return [
        CandidateAnswer(patient=s.patient, candidate=s.number, label=s.label, probability=p)
        for s, p in zip(data.datasets[part].samples, found, strict=True)
    ]


def judged_patients(data: NodeCandidateData, part: Part, answers: Sequence[CandidateAnswer]) -> list[PatientHits]:
    """Patients whose candidates have the second stage's probability for a score."""
    known = {(each.patient, each.candidate): each.probability for each in answers}
    found = []
    for patient in data.patients[part]:
        rows = [row.detection.model_copy(update={"score": known[row.patient, row.number]}) for row in patient.samples]
        found.append(PatientHits(detections=tuple(rows), nodes=patient.hits.nodes))
    return found


def evaluate(run: Run, part: Part, device: str, n_resamples: int) -> NodeEvaluation:
    """Figures of both stages together, and beside them those of the first stage's own ranking."""
    answers = predict(run.module, run.data, part, device)
    judged = judged_patients(run.data, part, answers)
    before = figures_of([each.hits for each in run.data.patients[part]], 0)
    found = NodeEvaluation(**run_facts(run, part), **figures_of(judged, n_resamples))
    first = [
        Figure(name=FIRST_STAGE + each.name, value=each.value)
        for each in before["figures"]  # type: ignore[attr-defined]  # a list of figures
        if each.name in ("mFROC", "best F1")
    ]
    return found.model_copy(update={"figures": [*found.figures, *first]})
