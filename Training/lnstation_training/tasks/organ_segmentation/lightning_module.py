"""Organ segmentation as a Lightning module: one network for all organs, or one of DeepStationing's pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from lnstation_training.engine.module import Schedule
from lnstation_training.engine.runs import CONFIG_FILE, best_weights, read_config
from lnstation_training.segmentation.channels import OrganSource
from lnstation_training.segmentation.classes import ClassSet, class_set, class_set_names
from lnstation_training.segmentation.folder import spacing_of
from lnstation_training.segmentation.module import CT_CHANNELS, SegmentationModule
from lnstation_training.segmentation.patients import ORGANS
from lnstation_training.tasks.organ_segmentation.anchors import AnchorGrid, Anchors
from LNStationLib.models.package import ModelPackage, OrganSegmentation, PackageError
from LNStationLib.models.package.organ_segmentation import ALL, ANCHOR, NON_ANCHOR
from LNStationLib.sampling.volume import ORGAN_PREFIX
from LNStationLib.support.errors import InputError

ROLES = {"anchor": ANCHOR, "non_anchor": NON_ANCHOR}
"""Role in a package by the set of classes; all other sets have the role of one network for all."""


class OrganModule(SegmentationModule):
    """Trains one registered network on patches of CTs with organs.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it; the numbers of channels and classes are known.
        classes: Name of the set of classes (``segmentation/organ_classes.json``).
        anchors: Run or package of the anchor network, whose probabilities this network sees beside the CT
            (DeepStationing, Guo et al. 2021, eq. 2), on whatever grid they were trained; ``None`` for a network that
            sees the CT alone.
        window: Voxels of a window along z, y, x when whole patients are segmented; the patch's size is best.
        class_weights: Weight of classes in the loss, 1 where not given.
        boundary_weight: How much more cross-entropy counts at boundaries: what keeps vessels of 5 mm.
        ema_decay: Of the moving average of weights; 0 for none.
        learning_rate: AdamW's.
        weight_decay: AdamW's.
        schedule: ``"cosine"`` falls to 1 % over the steps, or over the seconds where they are limited.
        warmup_steps: Steps over which the learning rate rises.
        channels_last: Keep channels innermost in memory.
    """

    def __init__(
        self,
        network: str = "dynunet",
        network_arguments: dict[str, Any] | None = None,
        classes: str = "organs",
        anchors: Path | None = None,
        window: tuple[int, int, int] = (96, 112, 144),
        class_weights: dict[str, float] | None = None,
        boundary_weight: float = 1.0,
        ema_decay: float = 0.995,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        schedule: Schedule = "cosine",
        warmup_steps: int = 100,
        channels_last: bool = False,
    ) -> None:
        chosen = class_set(classes)
        channels = (*CT_CHANNELS, *anchor_channels(chosen)) if anchors is not None else CT_CHANNELS
        super().__init__(
            chosen.names, ORGANS, network, network_arguments, channels, window, class_weights, boundary_weight,
            ema_decay, learning_rate, weight_decay, schedule, warmup_steps, channels_last,
        )  # fmt: skip
        self.save_hyperparameters()
        self.classes = chosen
        self.anchors = None if anchors is None else self._anchors(Path(anchors))

    @classmethod
    def _anchors(cls, source: Path) -> Anchors:
        """The anchor network of a run, or of a package.

        Raises:
            InputError: It is neither, its classes are not the anchors, or the volumes of the run are gone.
        """
        if not (source / CONFIG_FILE).exists():
            return Anchors.of_package(source)
        config = read_config(source)
        module = cls(**{**config["model"], "anchors": None})
        if module.classes.name != ANCHOR:
            raise InputError(f"{source} was trained on the classes {module.classes.name}, not on anchor.")
        module.load_state_dict(best_weights(source))
        grid = AnchorGrid(spacing_of(Path(config["data"]["folder"])), module.window)
        return Anchors(module.network, module.network_name, module.network_arguments, grid)

    @property
    def role(self) -> str:
        """Of the network in a package."""
        return ROLES.get(self.classes.name, ALL)

    def organ_source(self) -> OrganSource | None:
        """The anchor network's probabilities, where there is one."""
        return self.anchors

    @classmethod
    def of_package(cls, package: ModelPackage) -> Self:
        """The last network of a package: the one for all organs, or that for the non-anchors, with its anchors.

        Raises:
            PackageError: The package's classes are those of no set here.
        """
        section = package.section(OrganSegmentation)
        role = ALL if ALL in section.classes else NON_ANCHOR
        entry = package.manifest.network(role)
        arguments = {key: value for key, value in entry.arguments.items() if key not in ("n_classes", "in_channels")}
        anchors = package.path if role == NON_ANCHOR else None
        name = _set_of(section.classes[role], package.path)
        module = cls(entry.name, arguments, name, anchors, section.volumes[role].patch)
        module.network.load_state_dict(package.network(role).state_dict())
        return module


def anchor_channels(classes: ClassSet) -> tuple[str, ...]:
    """Channels that a network gets from the anchor network.

    Raises:
        InputError: The set is not that of the non-anchors.
    """
    if classes.name != "non_anchor":
        raise InputError(f"anchors go with the classes non_anchor, not with {classes.name}.")
    return tuple(f"{ORGAN_PREFIX}{name}" for name in class_set("anchor").names[1:])


def _set_of(names: list[str], path: Path) -> str:
    """Name of the set with these classes."""
    for name in class_set_names():
        if list(class_set(name).names) == list(names):
            return name
    raise PackageError(f"{path} finds classes that are no set of segmentation/organ_classes.json: add them there.")
