"""A small chest that passes every check of a CT, in files: what images and folders are changed from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from imaging.samples import chest

from LNStationLib.case.case import Case
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from Testing.Faults.draws import pick

SHRINK = 3, 3, 3
"""Of the drawn chest of 4 x 4 x 5 mm: 10 000 voxels, of which lungs and body can still be told."""
ROLES = ("ct", "ct", "pet", "organs", "nodes", "tumor")


def chest_ct() -> sitk.Image:
    """The CT in HU."""
    return sitk.Shrink(chest(), SHRINK)


def write_images(originals: Path, suffix: str) -> None:
    """A CT, a PET in SUV, a label map of organs and masks of nodes and tumor under the names of a case folder."""
    ct = chest_ct()
    hu = sitk.GetArrayFromImage(ct)
    body = (hu > -300).astype(np.float32)
    labels, nodes = np.zeros(hu.shape, np.uint8), np.zeros(hu.shape, np.uint16)
    labels[6:9, 12:16, 12:14] = 7
    nodes[6:8, 10:12, 14:16], nodes[9:11, 10:12, 14:16] = 1, 2
    arrays = {"ct": hu, "pet": 1.5 * body, "nodes": nodes, "tumor": (nodes == 1).astype(np.uint8), "organs": labels}
    for name, array in arrays.items():
        image = sitk.GetImageFromArray(array)
        image.CopyInformation(ct)
        sitk.WriteImage(image, str(originals / f"{name}{suffix}"))


def request(folder: Path, role: str) -> CaseRequest:
    """What the role's file is read for; a good CT goes with all but the CT."""
    found = {
        path.name.split(".")[0]: path for path in sorted(folder.iterdir()) if path.suffix not in {".raw", ".dat"}
    }
    given = {name: path for name, path in found.items() if name in ("ct", role)}
    return CaseRequest(**given, pet_units="suvbw" if role == "pet" else None)


def role_of(folder: Path) -> str:
    """The role whose file was changed: the only one beside the CT, or the CT."""
    return next((path.name.split(".")[0] for path in folder.iterdir() if not path.name.startswith("ct.")), "ct")


def loaded(wanted: CaseRequest) -> str:
    """Read and check a case as every command does; how much of it there is."""
    case: Case = load_case(wanted)
    parts = [name for name in ("pet", "nodes", "tumor") if getattr(case, name) is not None]
    return f"CT {case.ct.GetSize()} {' '.join(parts)} {len(case.organ_masks)} organs, {len(case.warnings)} warnings"


def draw_role(rng: np.random.Generator) -> str:
    """Which image is changed."""
    return str(pick(rng, ROLES))
