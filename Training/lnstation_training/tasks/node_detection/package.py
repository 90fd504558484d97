"""What a node detector's model package says: grid, channels, operating points, figures, cohort."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import CompanionNetwork, PackageContent
from lnstation_training.segmentation.packing import probe_volume, training_cohort
from lnstation_training.tasks.node_detection.evaluation import (
    CurvePoint,
    Figure,
    NodeEvaluation,
    StratumFigure,
    best_probable,
    evaluate,
    evaluation_of,
)
from LNStationLib.models.package import Manifest, Metric, NodeDetection
from LNStationLib.models.package.node_detection import Significance
from LNStationLib.state.assessment import FrocPoint
from LNStationLib.support.progress import Progress

REFERENCES = (
    "Zhu Z, Yan K, Jin D, et al. Detecting scatteredly-distributed, small, and critically important objects in 3D "
    "oncology imaging via decision stratification. arXiv:2005.13705, 2020.",
    "Billot B, Greve DN, Puonti O, et al. SynthSeg: segmentation of brain MRI scans of any contrast and resolution "
    "without retraining. Med Image Anal 2023;86:102789.",
)
POINTS_FP = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""False positives a patient that a package has thresholds for."""
SURE_RECALL = 0.8
_PROBE = (32, 32, 32)
"""Voxels of the volume that run and package are compared on."""
_RESAMPLES = 1000


def package_content(run: Run, device: str, progress: Progress) -> PackageContent:
    """The task's part of a model package: thresholds from the validation part, figures from the test part."""
    progress("finding nodes of the validation part", 0.0)
    run.data.setup()
    run.module.probable, patients = best_probable(run.module, run.data, device)
    chosen_on = evaluation_of(run, "validation", patients, 0)
    progress("finding nodes of the test part", 0.5)
    found = evaluate(run, "test", device, _RESAMPLES)
    return PackageContent(
        section=package_section(run, chosen_on),
        metrics=card_metrics(found),
        cohort=training_cohort(run),
        references=list(REFERENCES),
        role=run.module.roles[0],
        companions=[companion(run, role) for role in run.module.roles[1:]],
    )


def companion(run: Run, role: str) -> CompanionNetwork:
    """A network that was trained beside the run's first one."""
    module = run.module
    arguments = {**module.network_arguments, "in_channels": len(module.role_channels[role])}
    return CompanionNetwork(role, module.network_name, arguments, module.network_of(role))


def package_section(run: Run, evaluation: NodeEvaluation) -> NodeDetection:
    """The part of the manifest that is this task's.

    Args:
        run: Trained.
        evaluation: Of patients that training has not seen; thresholds follow from it.
    """
    module, points = run.module, froc_points(evaluation.curve)
    volumes = {role: module.volume_spec(role) for role in module.roles}
    classes = {role: list(module.names) for role in module.roles}
    if module.finds_visible:
        found = sure_from_mm(evaluation.strata)
        return NodeDetection(
            volumes=volumes, classes=classes, froc=points, probable=module.probable, sure_from_mm=found
        )
    said = Significance(froc=points, probable=module.probable, near_mm=module.near_mm, masked=module.masked)
    return NodeDetection(volumes=volumes, classes=classes, significant=said)


def froc_points(curve: list[CurvePoint]) -> list[FrocPoint]:
    """The curve at some numbers of false positives, as far as it reaches; its end where it reaches fewer than two."""
    points: list[FrocPoint] = []
    for fps in POINTS_FP:
        within = [each for each in curve if each.false_positives <= fps]
        if within and (not points or within[-1].threshold < points[-1].threshold):
            last = within[-1]
            points.append(FrocPoint(threshold=last.threshold, false_positives=fps, recall=last.recall))
    if len(points) < 2 and curve:
        last = curve[-1]
        points.append(
            FrocPoint(
                threshold=last.threshold, false_positives=max(last.false_positives, POINTS_FP[-1]), recall=last.recall
            )
        )
    return points


def sure_from_mm(strata: Sequence[StratumFigure]) -> float | None:
    """Lower end of the smallest size class from which on every class is found often enough."""
    rows = [each for each in strata if each.by == "size"]
    found = None
    for row in reversed(rows):
        if row.n_found < SURE_RECALL * row.n_nodes:
            break
        found = float(row.title.split()[0])
    return found


def card_metrics(found: NodeEvaluation) -> list[Metric]:
    """Figures of the test part, with intervals."""
    cohort = f"{found.cohort}, test part of fold {found.fold}"
    counts = {"significant nodes" if found.fusions else "visible nodes": found.n_nodes}
    return metrics_of(found.figures, cohort, found.n_patients, counts)


def metrics_of(figures: Sequence[Figure], cohort: str, n_patients: int, counts: dict[str, int]) -> list[Metric]:
    """Figures as the card has them, but those that could not be measured."""
    return [
        Metric(
            name=each.name,
            value=each.value,
            low=each.low,
            high=each.high,
            cohort=cohort,
            n_patients=n_patients,
            counts=counts,
        )
        for each in figures
        if each.value is not None
    ]


def probe(network: nn.Module, manifest: Manifest[NodeDetection]) -> Tensor:
    """Logits for a fixed random volume."""
    # The run's own network stands after its companions.
    role = manifest.networks[-1].role
    return probe_volume(network, len(manifest.section.volumes[role].channels), _PROBE)
