"""The sample patients in Slicer's module *Sample Data*: made here by the worker, nothing is downloaded."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LNStationSlicer.support.Translation import _

CATEGORY = "LNStation"


@dataclass(frozen=True)
class SampleCase:
    """One sample patient.

    Attributes:
        key: Its name for the worker; never translated.
        title: What the user reads on its button.
        description: Its story in one sentence.
    """

    key: str
    title: str
    description: str


def sampleCases() -> tuple[SampleCase, ...]:
    """The sample patients; ``LNStationLib/phantom/samples.py`` has the same."""
    return (
        SampleCase(
            "lung-n2",
            _("Lung cancer, N2"),
            _("Synthetic: tumor of the right upper lobe, metastases in stations 4R, 7 and 10R; CT and PET."),
        ),
        SampleCase(
            "lung-n0-reactive",
            _("Lung cancer, N0, reactive nodes"),
            _(
                "Synthetic: tumor of the left lower lobe, reactive and granulomatous nodes, no metastasis; "
                "CT and PET."
            ),
        ),
        SampleCase(
            "esophagus-middle",
            _("Esophageal cancer"),
            _("Synthetic: tumor of the middle third, metastases in stations 2R, 7 and 8; CT."),
        ),
        SampleCase(
            "esophagus-clear-signs",
            _("Esophageal cancer, clear signs"),
            _(
                "Synthetic: tumor of the lower third, metastases in stations 4R, 7 and 8, enlarged benign nodes, "
                "signs as clear as in the shipped model's cohort; CT."
            ),
        ),
    )


def registerSampleCases(iconsFolder: Path, openSample: Callable[[str], None]) -> None:
    """Put a button for each sample patient into *Sample Data*; twice is the same as once.

    Args:
        iconsFolder: Folder with the thumbnails, ``Sample-<key>.png``.
        openSample: Called with a patient's key when its button is pressed; returns at once.
    """
    import SampleData

    for case in sampleCases():
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=case.title,
            # Slicer wants an address and a file name of each source; with a downloader of our own it uses neither.
            uris=f"lnstation:{case.key}",
            fileNames=case.key,
            nodeNames=case.key,
            thumbnailFileName=str(iconsFolder / f"Sample-{case.key}.png"),
            customDownloader=_Downloader(case.key, openSample),
        )


class _Downloader:
    """Called by *Sample Data*; reads alike for the same patient, so that a reloaded module adds no second button."""

    def __init__(self, key: str, openSample: Callable[[str], None]) -> None:
        self._key, self._openSample = key, openSample

    def __call__(self, source: object) -> list[object]:
        try:
            self._openSample(self._key)
        except Exception:  # the outermost edge: Slicer's button would drop it silently
            logging.exception("The sample patient %s could not be opened", self._key)
        return []

    def __str__(self) -> str:
        # Slicer compares registered sources by their text.
        return f"LNStation sample {self._key}"


@dataclass(frozen=True)
class SampleFiles:
    """Files of a sample patient that the worker has made.

    Attributes:
        ct: The CT.
        pet: The PET in SUVbw, or ``None``.
        nodes: The label map of the nodes, or ``None``.
        tumor: The mask of the tumor, or ``None``.
        organs: Masks by canonical organ name.
        facts: What ``case.json`` says: cancer, tumor side and site, sex, age.
    """

    ct: Path
    pet: Path | None
    nodes: Path | None
    tumor: Path | None
    organs: Mapping[str, Path]
    facts: Mapping[str, Any]


def sampleFiles(folder: Path) -> SampleFiles:
    """What lies in the case folder of a sample patient (``docs/case_format.md``).

    Args:
        folder: The folder that the worker's ``sample`` answers with.

    Raises:
        FileNotFoundError: There is no such case.
    """
    facts = json.loads((folder / "case.json").read_text(encoding="utf-8"))

    def file(name: str) -> Path | None:
        return folder / facts[name] if facts.get(name) else None

    ct = file("ct")
    if ct is None or not ct.is_file():
        raise FileNotFoundError(f"{folder} holds no CT")
    organs = {path.name.removesuffix(".nii.gz"): path for path in sorted((folder / "organs").glob("*.nii.gz"))}
    return SampleFiles(ct, file("pet"), file("nodes"), file("tumor"), organs, facts)
