"""What a model package of the second stage says."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnstation_training.engine.prepared import read_info
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import PackageContent
from lnstation_training.segmentation.patients import SIGNIFICANT, open_patient
from lnstation_training.tasks.node_candidates.evaluation import evaluate, judged_patients, predict
from lnstation_training.tasks.node_detection.evaluation import evaluation_of
from lnstation_training.tasks.node_detection.package import card_metrics, froc_points
from LNStationLib.models.package import CohortSummary, Manifest, NodeCandidates
from LNStationLib.support.progress import Progress

REFERENCES = (
    "Zhu Z, Yan K, Jin D, et al. Detecting scatteredly-distributed, small, and critically important objects in 3D "
    "oncology imaging via decision stratification. arXiv:2005.13705, 2020.",
)
_RESAMPLES = 1000


def package_content(run: Run, device: str, progress: Progress) -> PackageContent:
    """Thresholds from the validation part, figures from the test part."""
    progress("judging candidates", 0.0)
    run.data.setup()
    answers = predict(run.module, run.data, "validation", device)
    chosen_on = evaluation_of(run, "validation", judged_patients(run.data, "validation", answers), 0)
    found = evaluate(run, "test", device, _RESAMPLES)
    info = read_info(run.data.folder)
    samples = run.data.datasets["train"].samples
    return PackageContent(
        section=_section(run, chosen_on),
        metrics=card_metrics(found),
        cohort=CohortSummary(
            title=info.title,
            n_patients=len({one.patient for one in samples}),
            counts={"candidates": len(samples), "true candidates": sum(one.label == 1 for one in samples)},
            description=info.description,
        ),
        references=list(REFERENCES),
    )


def _section(run: Run, chosen_on: object) -> NodeCandidates:
    module, data = run.module, run.data
    mean, deviation = module.pet_suv.tolist()
    marked = SIGNIFICANT in open_patient(data.datasets["train"].samples[0].path).names
    points = froc_points(chosen_on.curve)  # type: ignore[attr-defined]  # an evaluation of nodes
    return NodeCandidates(
        channels=list(module.channels),
        patch=data.patch_spec((mean, deviation) if module.sees_pet else None),
        tags=module.tags,
        froc=points,
        judges="significant" if marked else "visible",
    )


def probe(network: nn.Module, manifest: Manifest[NodeCandidates]) -> Tensor:
    """Logits of a fixed random patch with random tags."""
    section, generator = manifest.section, torch.Generator().manual_seed(0)
    patch = torch.rand(2, len(section.channels), *section.patch.size, generator=generator)
    tags = torch.rand(2, len(section.tags), generator=generator) if section.tags else None
    logits: Tensor = network.eval()(patch, tags).logits
    return logits
