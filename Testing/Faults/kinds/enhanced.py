"""Enhanced multi-frame files: the same changes as of classic slices, and frames that belie their groups."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
from imaging.samples import write_enhanced

from Testing.Faults.draws import pick
from Testing.Faults.kinds import chest
from Testing.Faults.kinds.dicom import change_file

_FILE = "all.dcm"
_SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80")


class Enhanced:
    """A CT in one file."""

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
        """As a case."""
        return chest.loaded(chest.CaseRequest(ct=folder / "ct"))


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
