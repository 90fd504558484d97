"""What an organ segmenter's model package says: grids, channels and classes, figures, cohort."""

from __future__ import annotations

from torch import Tensor, nn

from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import CompanionNetwork, PackageContent
from lnstation_training.segmentation.classes import ClassSet, class_set, package_unions
from lnstation_training.segmentation.folder import spacing_of
from lnstation_training.segmentation.module import CT_CHANNELS
from lnstation_training.segmentation.packing import probe_volume, training_cohort
from lnstation_training.tasks.organ_segmentation.evaluation import OrganEvaluation, evaluate
from LNStationLib import anatomy
from LNStationLib.models.package import Manifest, Metric, OrganSegmentation
from LNStationLib.models.package.organ_segmentation import ANCHOR
from LNStationLib.sampling.volume import VolumeSpec
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

REFERENCES = (
    "Billot B, Greve DN, Puonti O, et al. SynthSeg: segmentation of brain MRI scans of any contrast and resolution "
    "without retraining. Med Image Anal 2023;86:102789.",
    "Guo D, Ye X, Ge J, et al. DeepStationing: thoracic lymph node station parsing in CT scans using anatomical "
    "context encoding and key organ auto-search. MICCAI 2021.",
)
_PROBE = (32, 32, 32)
"""Voxels of the volume that run and package are compared on."""


def package_content(run: Run, device: str, progress: Progress) -> PackageContent:
    """The task's part of a model package; nothing is fitted, so the validation part is not needed.

    Args:
        run: Its weights are rounded already to the precision of the package.
        device: Where the network runs.
        progress: Told each step.

    Raises:
        InputError: The network finds anchors alone: a package has them beside the non-anchors.
    """
    module = run.module
    if module.role == ANCHOR:
        raise InputError("A network of anchors is packed with that of the non-anchors: export that run.")
    progress("segmenting the test part", 0.0)
    found = evaluate(run, "test", device)
    companions = []
    if module.anchors is not None:
        anchors = module.anchors
        companions = [CompanionNetwork(ANCHOR, anchors.network_name, anchors.network_arguments, anchors.network)]
    return PackageContent(
        section=package_section(run),
        metrics=card_metrics(found),
        cohort=training_cohort(run),
        references=list(REFERENCES),
        companions=companions,
        role=module.role,
    )


def package_section(run: Run) -> OrganSegmentation:
    """The part of the manifest that is this task's."""
    module, spacing = run.module, spacing_of(run.data.folder)
    sets = {module.role: module.classes}
    volumes = {module.role: _volume(spacing, module.window, module.channels)}
    if module.anchors is not None:
        sets = {ANCHOR: class_set("anchor"), **sets}
        grid = module.anchors.grid
        volumes = {ANCHOR: _volume(grid.spacing_mm, grid.window, CT_CHANNELS), **volumes}
    return OrganSegmentation(
        volumes=volumes,
        classes={role: list(each.names) for role, each in sets.items()},
        joint_classes={name: organs for each in sets.values() for name, organs in _joint(each).items()},
        organ_unions={name: parts for each in sets.values() for name, parts in package_unions(each).items()},
    )


def _volume(spacing: tuple[float, ...], window: tuple[int, ...], channels: tuple[str, ...]) -> VolumeSpec:
    return VolumeSpec.model_validate({"spacing_mm": spacing, "patch": window, "channels": channels})


def _joint(classes: ClassSet) -> dict[str, list[str]]:
    """Classes that are no organ of the table, and what they stand for."""
    known = {row.name for row in anatomy.organs()}
    rows = zip(classes.names, classes.members, strict=True)
    return {name: list(members) for name, members in rows if members and name not in known}


def card_metrics(found: OrganEvaluation) -> list[Metric]:
    """Dice of every organ on the test part."""
    cohort = f"{found.cohort}, test part of fold {found.fold}"
    return [
        Metric(name=f"Dice, {each.organ.replace('_', ' ')}", value=each.dice, cohort=cohort, n_patients=each.n)
        for each in found.organs
        if each.dice is not None
    ]


def probe(network: nn.Module, manifest: Manifest[OrganSegmentation], role: str) -> Tensor:
    """Logits for a fixed random volume."""
    return probe_volume(network, len(manifest.section.volumes[role].channels), _PROBE)
