"""TotalSegmentator, run in its own process where it is installed and requested.

Wasserthal et al., "TotalSegmentator: robust segmentation of 104 anatomic structures in CT images", Radiology:
Artificial Intelligence 2023, doi:10.1148/ryai.230024. It imports torch, so it is never imported here.
"""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.writing import write_nifti
from LNStationLib.organs.find import find_organs
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.supplied import mask_on_grid
from LNStationLib.state.method import MethodOptions, NoOptions
from LNStationLib.state.needs import Need
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.reason import Reason

log = logging.getLogger(__name__)

_MODULE = "totalsegmentator"
_SCRIPT = (
    "import sys; from totalsegmentator.python_api import totalsegmentator as run; "
    "run(sys.argv[1], sys.argv[2], task='total', quiet=True)"
)
_LIMIT_S = 3600.0
"""Generous for a whole chest on a slow CPU; a longer run has most likely hung."""


class TotalSegmentator:
    """Supplied masks first, then TotalSegmentator's, then organs derived from both and from the image."""

    name = "totalsegmentator"
    title = "TotalSegmentator, then image"
    options: type[MethodOptions] = NoOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = ("Wasserthal et al. 2023, doi:10.1148/ryai.230024 (TotalSegmentator)",)
    package_task: str | None = None

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> OrganSet:
        """Find the organs; see :class:`LNStationLib.organs.method.OrganMethod`."""
        scan, known = state.working_ct, state.segmented_organs
        if known is None:
            segmented = run_totalsegmentator(state.case, scan.grid, portion(progress, 0.0, 0.1))
        else:
            segmented = Findings(list(known))
        return find_organs(state.case, scan, progress, [segmented])


def totalsegmentator_installed() -> bool:
    """True if the package is installed in this environment; it is not imported."""
    return importlib.util.find_spec(_MODULE) is not None


def run_totalsegmentator(case: Case, grid: Grid, progress: Progress) -> Findings:
    """Segment the CT with TotalSegmentator's task ``total``.

    Args:
        case: The case; only its CT is passed on, in a temporary file.
        grid: Grid of the result.
        progress: Called at start and end.

    Returns:
        Its masks under the canonical names, with source ``NETWORK``, without empty masks and organs that are not in
        the organ table.

    Raises:
        InputError: It is not installed, or it failed.
    """
    if not totalsegmentator_installed():
        raise InputError(
            "TotalSegmentator is not installed; install the package TotalSegmentator or choose another method."
        )
    progress("TotalSegmentator", 0.0)
    with tempfile.TemporaryDirectory(prefix="lnstation_") as folder:
        image, masks = Path(folder) / "ct.nii.gz", Path(folder) / "masks"
        masks.mkdir()
        write_nifti(case.ct, image)
        _run(image, masks)
        found = _read(masks, grid)
    progress("TotalSegmentator", 1.0)
    return found


def _run(image: Path, masks: Path) -> None:
    command = [sys.executable, "-c", _SCRIPT, str(image), str(masks)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"TotalSegmentator did not finish within {_LIMIT_S / 60:.0f} minutes; supply its masks instead."
        ) from error
    if done.returncode != 0:
        log.error("TotalSegmentator: %s", done.stderr)
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"TotalSegmentator failed with exit code {done.returncode}: {last}")


def _read(masks: Path, grid: Grid) -> Findings:
    """Read the masks, one file per organ; several files may make up one organ (vertebrae, ribs)."""
    names = {alias: entry.name for entry in anatomy.organs() for alias in (entry.name, *entry.aliases)}
    found = Findings()
    union: dict[str, list[Path]] = {}
    for path in sorted(masks.glob("*.nii.gz")):
        name = names.get(path.name.removesuffix(".nii.gz").lower())
        if name is not None:
            union.setdefault(name, []).append(path)
    for name, paths in union.items():
        mask = mask_on_grid(sitk.ReadImage(str(paths[0])), grid)
        for path in paths[1:]:
            mask |= mask_on_grid(sitk.ReadImage(str(path)), grid)
        found.organ(name, mask, OrganSource.NETWORK, Reason("totalsegmentator", {"task": "total"}))
    if not found.organs:
        raise InputError("TotalSegmentator wrote no known organ; check its installation.")
    return found
