"""Enhanced multi-frame files: the same changes as of classic slices, and frames that belie their groups."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from export.cases import make_result
from imaging.samples import write_enhanced

from LNStationLib.export.dicom.objects import dicom_objects
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.source import read_source
from LNStationLib.export.dicom.writer import write_objects
from LNStationLib.support.progress import silent
from Testing.Faults.draws import pick
from Testing.Faults.kinds import chest
from Testing.Faults.kinds.dicom import change_file

_FILE = "all.dcm"
_SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80")


class Enhanced:
    """A CT in one file, and DICOM objects that refer to its frames."""

    name = "enhanced"
    title = "Enhanced DICOM"
    limit_s = 20.0
    refusals = ()

    def warm_up(self) -> None:
        """Nothing is imported late."""

    def prepare(self, originals: Path) -> None:
        """One file for each transfer syntax."""
        for syntax in set(_SYNTAXES):
            written = write_enhanced(originals / syntax, chest.chest_ct(), syntax=syntax)
            shutil.rmtree(written.parent / "classic")

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Frames taken out, repeated or in another order, or values and bytes changed."""
        syntax = pick(rng, _SYNTAXES)
        (folder / "ct").mkdir()
        path = folder / "ct" / _FILE
        shutil.copy(originals / syntax / "enhanced" / _FILE, path)
        if rng.random() < 0.3:
            return f"{syntax}: {_change_frames(rng, path)}"
        return f"{syntax}: {change_file(rng, path)}"

    def read(self, folder: Path, out: Path) -> str:
        """As a case, and as what results are written onto."""
        said = chest.loaded(chest.CaseRequest(ct=folder / "ct"))
        source = read_source(folder / "ct", lambda warning: None)
        objects = dicom_objects(_results_on(source.grid), source, silent)
        return f"{said}, {len(write_objects(objects, out, overwrite=False))} objects"


def _results_on(grid: sitk.Image) -> Results:
    """A block of station 7 with a node in it, in the middle of a grid."""
    values = np.zeros(grid.GetSize()[::-1], np.uint16)
    block = tuple(slice(size // 3, size // 3 + 4) for size in values.shape)
    values[block] = 1
    nodes = sitk.GetImageFromArray(values)
    nodes.CopyInformation(grid)
    return Results(make_result().assessment, sitk.Cast(nodes, sitk.sitkUInt8) * 7, nodes)


def _change_frames(rng: np.random.Generator, path: Path) -> str:
    """Functional groups or their number, without the pixels."""
    file = pydicom.dcmread(path)
    groups = list(file.PerFrameFunctionalGroupsSequence)
    way = pick(rng, ("group taken out", "group repeated", "other order", "number of frames", "all groups taken out"))
    place = int(rng.integers(len(groups)))
    if way == "group taken out":
        del groups[place]
    elif way == "group repeated":
        groups[place] = groups[place - 1]
    elif way == "other order":
        groups = [groups[int(i)] for i in rng.permutation(len(groups))]
    elif way == "number of frames":
        file.NumberOfFrames = int(pick(rng, (0, 1, 2, len(groups) - 1, len(groups) + 1, 2**31 - 1)))
    else:
        groups = []
    file.PerFrameFunctionalGroupsSequence = groups
    file.save_as(path)
    return f"{way} at frame {place + 1}"
