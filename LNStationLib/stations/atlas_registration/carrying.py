"""All atlases registered to one patient, side by side in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from LNStationLib.stations.atlas_registration.engines import Deformation
from LNStationLib.stations.atlas_registration.guides import Guided, guided_atlas
from LNStationLib.stations.atlas_registration.package import Atlas, read_atlas
from LNStationLib.stations.atlas_registration.registration import Registered, register
from LNStationLib.support.processes import spread_or_serial
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason

_USUAL = Deformation()


@dataclass(frozen=True)
class Carried:
    """An atlas and how it lies in the patient."""

    atlas: Atlas
    found: Registered

    def problem(self, least_overlap: float) -> Reason | None:
        """Why it is left out; ``None`` where it is not."""
        if self.found.problem is None and self.found.mean_overlap < least_overlap:
            return Reason("little_overlap", {"dice": self.found.mean_overlap, "least": least_overlap})
        return self.found.problem


def carry_atlases(
    paths: Sequence[Path], patient: Guided, progress: Progress, how: Deformation = _USUAL
) -> list[Carried]:
    """Register atlases to a patient.

    Args:
        paths: Of atlas packages.
        patient: On its coarse grid.
        progress: Told the fraction done; where it raises, what has not begun is dropped.
        how: Engine and parameters of the deformable step.

    Returns:
        One for each path, in their order.

    Raises:
        PackageError: An atlas cannot be used.
    """
    progress("registering atlases", 0.0)
    atlases = [read_atlas(path) for path in paths]
    done: dict[int, Registered] = {}
    workers = min(os.cpu_count() or 1, len(atlases))
    work = partial(_registered, patient=patient, how=how)
    for (place, _), found in spread_or_serial(work, list(enumerate(atlases)), workers):
        done[place] = found
        progress("registering atlases", len(done) / len(atlases))
    return [Carried(atlas, done[place]) for place, atlas in enumerate(atlases)]


def _registered(numbered: tuple[int, Atlas], patient: Guided, how: Deformation) -> Registered:
    """Registered out of order, so that each has its number; prepared here, beside the others.

    An atlas is a tenth of what its organs are once they are prepared, so that less passes between processes too.
    """
    return register((patient, guided_atlas(numbered[1], patient.grid.spacing_mm[0])), how)
