"""Write the objects of an export into a folder, all or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydicom.dataset import Dataset

from LNStationLib.export.dicom.objects import FILE_NAMES
from LNStationLib.export.output_folder import partial_folder, prepare_output_folder, user_facing_errors
from LNStationLib.imaging.discretion import no_values_told
from LNStationLib.support.locks import folder_to_itself
from LNStationLib.support.progress import Progress, silent

DICOM_FOLDER = "dicom"
"""Where the objects go within the results of a case."""
IMAGES_FOLDER = "ct"
"""Where the images of a converted CT go."""


@no_values_told()
def write_objects(
    objects: Mapping[str, Dataset],
    out: Path,
    *,
    overwrite: bool,
    images: list[Dataset] | None = None,
    progress: Progress = silent,
) -> list[Path]:
    """Write DICOM files.

    Everything is first written into a hidden folder inside ``out`` and then moved: a run that fails or is cancelled
    leaves no new file, and of an earlier export no object stays beside the new ones.

    Args:
        objects: By file name.
        out: Output folder; made where it is missing.
        overwrite: Replace an earlier export in ``out``; other files there are never touched.
        images: Of a converted CT; they go into a folder ``ct``.
        progress: Told the running step.

    Returns:
        The files: images first, since the others refer to them.

    Raises:
        OutputError: The folder cannot take them.
    """
    prepare_output_folder(out, overwrite)
    named = {f"{IMAGES_FOLDER}/{k:04d}.dcm": image for k, image in enumerate(images or (), start=1)} | dict(objects)
    with partial_folder(out) as folder:
        (folder / IMAGES_FOLDER).mkdir()
        for done, (name, made) in enumerate(named.items()):
            progress("writing images" if "/" in name else f"writing {name}", done / len(named))
            made.save_as(folder / name, enforce_file_format=True)
        with user_facing_errors(out), folder_to_itself(out):
            _publish(folder, out, list(objects), bool(images))
    return [out / name for name in named]


def _publish(folder: Path, out: Path, names: list[str], with_images: bool) -> None:
    for name in FILE_NAMES:
        (out / name).unlink(missing_ok=True)
    if with_images:
        shutil.rmtree(out / IMAGES_FOLDER, ignore_errors=True)
        os.replace(folder / IMAGES_FOLDER, out / IMAGES_FOLDER)
    for name in names:
        os.replace(folder / name, out / name)
