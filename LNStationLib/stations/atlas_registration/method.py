"""Stations carried over from atlases: registered one by one, judged by their organs, fused by a vote.

After Engelson et al. 2026, Sec. 3.2.1. Beyond it, an atlas whose organs do not fit is left out, the vote may be
weighted by local likeness, and voxels of the patient's own organs never belong to a station. It stands behind the
rules in the registry, so that an automatic choice stays theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, cast

import LNStationLib.stations.atlas_registration.words  # noqa: F401
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import Need
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.atlas_registration.carrying import Carried, carry_atlases
from LNStationLib.stations.atlas_registration.drawing import drawn, nothing, votes_of
from LNStationLib.stations.atlas_registration.engines import Deformation, Engine, check_engine
from LNStationLib.stations.atlas_registration.folders import chosen_atlases
from LNStationLib.stations.atlas_registration.guides import guided_patient
from LNStationLib.stations.atlas_registration.package import read_card
from LNStationLib.stations.atlas_registration.registration import check_library
from LNStationLib.stations.comparison import ComparisonOptions
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.stations.left_out import all_not_found
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.reason import Reason

PETCT_STAGING = "Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507 (PET/CT N-staging: stations by atlases)"


class AtlasOptions(ComparisonOptions):
    """The atlases, their fusion, and how well one must fit."""

    atlases: str | None = option(
        None,
        "Atlas package, or folder with some; by default your own atlases, else those that came with LNStation.",
        title="Atlases",
        flag="--atlases",
    )
    fusion: Literal["majority", "weighted"] = option(
        "majority",
        "How atlases are fused: one vote each, or votes weighted by how alike the images are around each voxel.",
        title="Fusion",
        flag="--atlas-fusion",
        choice_titles={"majority": "Majority vote", "weighted": "Locally weighted vote"},
    )
    # On synthetic patients atlases reach 0.85 and more, as in the paper; on a real CT a registration that missed the
    # small vessels reached 0.65.
    least_overlap: float = option(
        0.7,
        "Atlases whose organs overlap less with the patient's (mean Dice coefficient) are left out.",
        title="Least organ overlap (Dice)",
        flag="--least-atlas-overlap",
        width="expert",
        ge=0.0,
        le=1.0,
    )
    registration_spacing_mm: float = option(
        3.0,
        "Voxel edge of the grid on which atlases are registered.",
        title="Registration spacing",
        flag="--registration-spacing-mm",
        unit="mm",
        width="expert",
        ge=1.5,
        le=6.0,
    )
    engine: Engine = option(
        "greedy",
        "What deforms an atlas after its affine alignment; convexAdam is a package of its own.",
        title="Registration engine",
        flag="--registration-engine",
        width="expert",
        choice_titles={"greedy": "Greedy", "convex_adam": "convexAdam"},
    )
    update_voxels: float = option(
        2.0,
        "Smoothing of greedy's updates.",
        title="Smoothing of updates",
        flag="--registration-update-voxels",
        unit="voxels",
        width="expert",
        ge=0.5,
        le=8.0,
    )
    warp_voxels: float = option(
        0.7,
        "Smoothing of greedy's whole warp.",
        title="Smoothing of the warp",
        flag="--registration-warp-voxels",
        unit="voxels",
        width="expert",
        ge=0.0,
        le=8.0,
    )
    organ_weight: float = option(
        1.0,
        "How much organs count beside the CT where an atlas is deformed.",
        title="Weight of organs",
        flag="--registration-organ-weight",
        width="expert",
        gt=0.0,
        le=10.0,
    )
    smoothness: float = option(
        1.25,
        "Weight of the smoothness of convexAdam's field.",
        title="Smoothness of convexAdam",
        flag="--registration-smoothness",
        width="expert",
        gt=0.0,
        le=20.0,
    )

    @property
    def deformation(self) -> Deformation:
        """Engine and parameters of the deformable step."""
        return Deformation(self.engine, self.update_voxels, self.warp_voxels, self.organ_weight, self.smoothness)


class AtlasRegistration:
    """Atlases of patients with known stations are registered to this one; the options name them."""

    name = "atlas_registration"
    title = "Atlas registration (multi-atlas vote)"
    options: type[MethodOptions] = AtlasOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = (PETCT_STAGING,)
    package_task: str | None = None

    def check(self, options: MethodOptions) -> None:
        """Make sure, before the long work, that greedy and the atlases are there.

        Raises:
            InputError: greedy is not installed.
            PackageError: There is no atlas, or one that was named cannot be used.
        """
        check_library()
        check_engine(cast(AtlasOptions, options).engine)
        for path in chosen_atlases(cast(AtlasOptions, options).atlases):
            read_card(path)

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> StationMap:
        """Carry the stations over; see :class:`LNStationLib.stations.method.StationMethod`.

        Raises:
            PackageError: An atlas is missing or cannot be used.
            InputError: greedy is not installed.
        """
        chosen = cast(AtlasOptions, options)
        self.check(chosen)
        patient = guided_patient(state.case.ct, state.organ_set, chosen.registration_spacing_mm)
        if patient is None:
            return nothing(state.organ_set, all_not_found("left lung", "right lung"))
        carried = carry_atlases(
            chosen_atlases(chosen.atlases), patient, portion(progress, 0.0, 0.8), chosen.deformation
        )
        kept = [one for one in carried if not one.problem(chosen.least_overlap)]
        remarks = left_out_remarks(carried, chosen.least_overlap)
        if not kept:
            return _by_rules(state, remarks, portion(progress, 0.8, 1.0))
        progress("fusing atlases", 0.8)
        votes, box = votes_of(kept, state, patient.grid, chosen.fusion)
        found = drawn(votes, box, state.organ_set)
        warnings = [*found.warnings, *remarks, *_synthetic_remark(kept)]
        return replace(found, warnings=warnings)


def left_out_remarks(carried: Sequence[Carried], least_overlap: float) -> list[Reason]:
    """One warning for each atlas that is left out."""
    problems = [(one.atlas.card.atlas_id, one.problem(least_overlap)) for one in carried]
    return [Reason("atlas_left_out", {"atlas": name, "problem": problem}) for name, problem in problems if problem]


def _by_rules(state: PatientState, remarks: Sequence[Reason], progress: Progress) -> StationMap:
    """The rules' stations, which need no atlas."""
    rules = IaslcRules()
    found = rules.run(state, rules.options(), progress)
    instead = Reason("no_atlas_registered", {"other": rules.title})
    return replace(found, warnings=[*found.warnings, *remarks, instead])


def _synthetic_remark(kept: Sequence[Carried]) -> list[Reason]:
    synthetic = [one.atlas.card.atlas_id for one in kept if one.atlas.card.made_from == "synthetic"]
    return [Reason("synthetic_atlases", {"atlases": synthetic, "n_atlases": len(kept)})] if synthetic else []
