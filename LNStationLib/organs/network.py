"""Organs by the networks of a model package, where masks and the image itself leave them open.

The shipped package learned from synthetic patients alone (domain randomization, Billot et al. 2023) and finds
vessels, heart and esophagus with or without contrast. Airways, lungs and bones show more surely by their density.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from LNStationLib.case.case import Case
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.installed import is_installed
from LNStationLib.models.package.organ_segmentation import OrganSegmentation
from LNStationLib.models.package.reading import read_manifest
from LNStationLib.models.runtime.options import device_option, engine_option
from LNStationLib.models.runtime.used import used_model
from LNStationLib.organs.context import Context
from LNStationLib.organs.find import find_organs
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.from_network.cleanup import Place
from LNStationLib.organs.from_network.organs import findings_of, network_organs
from LNStationLib.organs.groups import CENTRAL_VEINS
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import Need
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Engine

if TYPE_CHECKING:
    from LNStationLib.models.runtime.segmentation import ClassProbabilities

WANTED = (
    "aorta",
    "pulmonary_artery",
    "heart",
    "pulmonary_vein",
    *CENTRAL_VEINS,
    "azygos_arch",
    "brachiocephalic_trunk",
    "common_carotid_artery_left",
    "common_carotid_artery_right",
    "subclavian_artery_left",
    "esophagus",
)
"""What stations and nodes need and image methods find unsurely or not at all; where a case has masks of all of them
the network is not asked."""
_STATED_BY_PARTS = {"aorta": ("ascending_aorta", "aortic_arch", "descending_aorta")}


SWITCH = "LNSTATION_NO_ORGAN_NETWORK"
"""Environment variable: where it is set, organs are found without a network, as on machines too slow for it."""


def switched_off() -> bool:
    """Whether the user's environment rules the network out."""
    return bool(os.environ.get(SWITCH))


def network_is_there(case: object = None) -> bool:
    """Whether a package for organs and what runs it are installed; the case does not matter."""
    return is_installed(OrganSegmentation.task, SWITCH)


NETWORK = Need(
    "organ_network", "organ network: a model package for organs, and learned models installed", network_is_there
)


class NetworkOptions(MethodOptions):
    """The model package and how it runs."""

    model: str | None = option(
        None,
        "Model package: its file, folder or id; by default the shipped one.",
        title="Organ model",
        flag="--organs-model",
        selects=True,
        width="expert",
    )
    device: str = device_option()
    engine: Engine = engine_option()
    network_first: bool = option(
        False,
        "Take airways, lungs and bones from the network too, not first by their density.",
        title="Airways, lungs and bones from the network",
        flag="--organ-network-first",
        width="expert",
    )


class NetworkMethod:
    """Supplied masks first, then airways, lungs and bones from the image, then the network, then surrogates."""

    name = "network"
    title = "Organ network (model package)"
    options: type[MethodOptions] = NetworkOptions
    needs: tuple[Need, ...] = (NETWORK,)
    references: tuple[str, ...] = (
        "Guo et al. 2021, doi:10.1007/978-3-030-87202-1_1 (DeepStationing: organs by stratified segmentation)",
        "Billot et al. 2023, doi:10.1016/j.media.2023.102789 (SynthSeg: networks trained on synthetic images)",
    )
    package_task: str | None = OrganSegmentation.task

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> OrganSet:
        """Find the organs; see :class:`LNStationLib.organs.method.OrganMethod`."""
        known = state.segmented_organs
        if known is None and not missing_organs(state.case):
            return find_organs(state.case, state.working_ct, progress)
        chosen = cast(NetworkOptions, options)

        def segment(context: Context, running: Progress) -> Findings:
            if known is not None:
                # A reader edited an organ: the image is the same, and so is what the network says of it.
                return _told(Findings(list(known)) if known else findings_of([], ""), state.segmented_by)
            model, networks = _ask(state, chosen, context, running)
            return _told(organs_from(networks, context, model.package_id), model)

        return find_organs(
            state.case, state.working_ct, progress, segmenter=segment, image_first=not chosen.network_first
        )


def missing_organs(case: Case) -> tuple[str, ...]:
    """Those of the wanted organs that a case has no mask of."""
    given = set(case.organ_masks)
    return tuple(name for name in WANTED if name not in given and not _stated_by_parts(name, given))


def _stated_by_parts(name: str, given: set[str]) -> bool:
    parts = _STATED_BY_PARTS.get(name, ())
    return bool(parts) and given.issuperset(parts)


def organs_from(networks: Sequence[ClassProbabilities], context: Context, package: str) -> Findings:
    """Findings of networks, cleaned by what is known of the image.

    Args:
        networks: What each says, on its own grid.
        context: The scan with body, airways and lungs.
        package: Id of the model package that they belong to.
    """
    carina = context.organs.landmarks.get("carina")
    place = Place(context.body, context.scan.grid, None if carina is None else carina.point_mm[2])
    return findings_of(network_organs(networks, place), package)


def _told(found: Findings, model: UsedModel | None) -> Findings:
    """With the package for the provenance, and a warning where what it gave rests on no real patient."""
    warnings = list(found.warnings)
    if model is not None and model.trained_on == "synthetic" and found.organs:
        warnings.append(Reason("organs_of_synthetic_model", {"package": model.package_id}))
    return replace(found, warnings=warnings, model=model)


def _ask(
    state: PatientState, options: NetworkOptions, context: Context, progress: Progress
) -> tuple[UsedModel, Sequence[ClassProbabilities]]:
    """Which package was asked, and what its networks say.

    Raises:
        PackageError: The package is missing or cannot be used.
        InputError: torch or the engine is not installed, the device is not there, or its memory does not suffice.
    """
    from LNStationLib.models.runtime.segmentation import organ_probabilities, warm_segmenter

    path = find_package(options.model, OrganSegmentation.task)
    card = read_manifest(path)
    segmenter = warm_segmenter(path, options.device, options.engine)
    answers = organ_probabilities(segmenter, state.case.ct, context.scan.grid, progress)
    engine = segmenter.network(next(iter(answers))).engine
    return used_model(card, options.device, engine), list(answers.values())
