"""Batches of toy cases: a few thousand voxels, the toy methods of the contracts, workers in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from contracts.toy_methods import registered

from LNStationLib.batch.cluster import Workers
from LNStationLib.batch.environment import environment_for
from LNStationLib.batch.folder import CASES
from LNStationLib.batch.listing import ListedCase
from LNStationLib.batch.run import BatchRequest
from LNStationLib.batch.sources import Loaded, Source
from LNStationLib.batch.work import Job, Plan
from LNStationLib.case.case import Case
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError

IN_PROCESS = Workers(in_process=True)
FORMATS = ("json", "csv")
SETTLED_NS = 3600 * 10**9
"""So long ago a file was changed whose times say all."""


def toy_image() -> sitk.Image:
    """A block of tissue in air."""
    hu = np.full((20, 24, 24), -1000, np.int16)
    hu[2:18, 4:20, 4:20] = 40
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((5.0, 5.0, 5.0))
    return image


@dataclass(frozen=True)
class ToySource:
    """A case that is one text file; a text that begins with "bad" is refused."""

    path: Path

    def inputs(self) -> dict[str, dict[str, Path]]:
        return {"ct": {"ct": self.path} if self.path.exists() else {}}

    def paths(self) -> tuple[Path, ...]:
        return (self.path,)

    def facts(self) -> dict[str, Any]:
        return {"case_id": self.path.stem}

    def load(self, progress: Any) -> Loaded:
        if not self.path.exists():
            raise InputError(f"CT: there is no file {self.path}; check the path.")
        text = self.path.read_text()
        with (self.path.parent / "loads.log").open("a") as log:
            log.write(f"{self.path.stem}\n")
        if text.startswith("bad"):
            raise InputError(f"CT {self.path}: {text}; give another.")
        return Loaded(Case(self.path.stem, toy_image()))


def toy_files(folder: Path, *texts: str) -> list[ListedCase]:
    """Cases of toy files, last changed an hour ago."""
    folder.mkdir(exist_ok=True)
    return [toy_file(folder / f"case-{number}.txt", text) for number, text in enumerate(texts, 1)]


def toy_file(path: Path, text: str) -> ListedCase:
    path.write_text(text)
    put_back(path)
    return ListedCase(path.stem, ToySource(path))


def put_back(path: Path) -> None:
    """Say that a file was changed an hour ago."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - SETTLED_NS))


def loads(folder: Path) -> list[str]:
    """Cases in the order in which they were read."""
    log = folder / "loads.log"
    return log.read_text().split() if log.exists() else []


@contextmanager
def toy_settings() -> Iterator[Settings]:
    with registered() as settings:
        yield settings


def toy_request(cases: Sequence[ListedCase], out: Path, settings: Settings, **others: Any) -> BatchRequest:
    return BatchRequest(cases, out, settings, FORMATS, IN_PROCESS, **others)


def toy_job(case: ListedCase, out: Path, settings: Settings, source: Source | None = None) -> Job:
    """A job in a folder that is ready for it."""
    for name in (CASES, ".unfinished"):
        (out / name).mkdir(parents=True, exist_ok=True)
    chosen = source or case.source
    assert chosen is not None
    return Job(1, case.case_id, chosen, Plan(out, settings, FORMATS, environment_for(settings).digest(), "run"))
