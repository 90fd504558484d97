"""What recipes of DICOM data share: the images of a patient, and which drawn structure is what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lnstation_training.public_data.dicom_folder import Wanted, dicom_patients
from lnstation_training.public_data.recipe import Facts, Found, PatientParts, PatientSource, Search
from LNStationLib.case.case import CaseFacts
from LNStationLib.case.drawn_masks import drawn_organs
from LNStationLib.case.unchecked import GivenImage, GivenLabels, GivenMask, UncheckedCase
from LNStationLib.imaging.dicom_series import DicomVolume, read_series_files
from LNStationLib.imaging.dicom_structures import CtReference, drawn_structures
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress
from LNStationLib.support.sentences import quoted
from LNStationLib.support.types import Side

Masks = Iterator[GivenMask | GivenLabels]


@dataclass(frozen=True)
class DicomData:
    """A patient whose CT has been read.

    Attributes:
        source: The patient.
        ct: The CT as a series.
        parts: Images and facts; labels are added by the recipe.
    """

    source: PatientSource
    ct: DicomVolume
    parts: PatientParts


Complete = Callable[[DicomData, Warn], PatientParts]
"""Adds what was drawn."""
Completed = Callable[[Found, Search], Found]
"""Adds what tables say."""


def without_tables(found: Found, search: Search) -> Found:
    """No tables come with the data set."""
    return found


@dataclass(frozen=True)
class DicomRecipe:
    """A data set of DICOM files.

    Attributes:
        facts: What is known of it.
        wanted: Which patients and series are of use.
        complete: Adds what was drawn to a patient's images.
        takes_labels: What ``--labels`` may be.
        with_tables: Adds what tables say to the patients that were found.
    """

    facts: Facts
    wanted: Wanted
    complete: Complete
    takes_labels: str = ""
    with_tables: Completed = without_tables

    def find(self, search: Search, progress: Progress) -> Found:
        """As of every recipe."""
        return self.with_tables(dicom_patients(search, self.facts, self.wanted, progress), search)

    def read(self, source: PatientSource, warn: Warn) -> PatientParts:
        """As of every recipe."""
        series = read_series_files(source.files["ct"], "CT", "CT", warn)
        pet = partial(_pet, source.files["pet"]) if source.files.get("pet") else None
        facts = CaseFacts(cancer=self.facts.cancer, tumor_side=_side(source))
        ct = GivenImage(series.image, "CT", series)
        case = UncheckedCase(source.patient, lambda _: ct, pet, facts=facts)
        return self.complete(DicomData(source, series, PatientParts(case, cells=source.cells)), warn)


def images_only(data: DicomData, warn: Warn) -> PatientParts:
    """Nothing was drawn."""
    return data.parts


def with_structures(
    data: DicomData, warn: Warn, tumor: str = "", aliases: Mapping[str, str] | None = None
) -> PatientParts:
    """Organs, by their names, and the tumor of Segmentations or Structure Sets.

    Args:
        data: The patient.
        warn: Told what is odd.
        tumor: Pattern that labels of the primary tumor match; empty where there is none.
        aliases: Organs by labels that the anatomy table does not know.
    """
    files = data.source.files["labels"]
    if not files:
        return data.parts
    case = replace(data.parts.case, organs=partial(_organs, files, tumor, dict(aliases or {})))
    if tumor:
        case = replace(case, tumor=partial(structures_like, files, "tumor", tumor))
    return replace(data.parts, case=case)


def structures_like(files: Sequence[Path], what: str, pattern: str, ct: CtReference, warn: Warn) -> Masks:
    """The structures whose label matches a pattern, as one mask a file.

    Raises:
        InputError: A file cannot be read or was drawn on other images, or no structure matches.
    """
    labels = []
    for file in files:
        drawn = drawn_structures(file, what, ct, warn)
        wanted = [one for one in drawn.structures if re.search(pattern, one.label, re.IGNORECASE)]
        labels += [one.label for one in drawn.structures]
        if wanted:
            yield GivenMask(what, drawn.name, file.name, partial(drawn.read, wanted))
            return
    raise InputError(f"{what}: none of its structures ({quoted(', '.join(labels)) or 'none'}) is the {what}.")


def _organs(files: Sequence[Path], tumor: str, aliases: Mapping[str, str], ct: CtReference, warn: Warn) -> Masks:
    for file in files:
        for mask in drawn_organs(file, ct, warn):
            if not (tumor and re.search(tumor, mask.structure, re.IGNORECASE)):
                yield replace(mask, structure=aliases.get(mask.structure, mask.structure))


def _pet(files: Sequence[Path], warn: Warn) -> GivenImage:
    series = read_series_files(files, "PT", "PET", warn)
    return GivenImage(series.image, "PET", series)


def _side(source: PatientSource) -> Side | None:
    side = source.cells.get("tumor_side")
    return "L" if side == "L" else "R" if side == "R" else None
