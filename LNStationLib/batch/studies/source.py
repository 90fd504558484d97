"""A study as a case: its most fitting CT that can be read, with its PET where one can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from LNStationLib.batch.listing import ListedCase
from LNStationLib.batch.passing import passing_code
from LNStationLib.batch.records import SeriesChoice
from LNStationLib.batch.sources import Inputs, Loaded
from LNStationLib.batch.studies.header_facts import identifiers_of
from LNStationLib.batch.studies.index import IndexedFile, studies_of
from LNStationLib.batch.studies.rules import (
    Candidates,
    candidates,
    choice,
    ct_rank,
    kernel_class,
    less_fitting,
    pet_rank,
)
from LNStationLib.batch.studies.series import SeriesFacts, series_of
from LNStationLib.case.case import Cancer, Case, CaseFacts
from LNStationLib.case.check import check_case
from LNStationLib.case.from_files import study_case_id
from LNStationLib.case.unchecked import GivenImage, UncheckedCase
from LNStationLib.imaging.dicom_series import read_series_files
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason

_MAX_CTS = 3
"""That are tried where the most fitting one cannot be read; each costs a minute over a network."""


class UnusableStudyError(InputError):
    """A study without a CT that can be read; ``choices`` says why not of every series."""

    def __init__(self, message: str, choices: Sequence[SeriesChoice]) -> None:
        super().__init__(message)
        self.choices = tuple(choices)


@dataclass(frozen=True)
class StudySource:
    """A study of a DICOM root.

    Attributes:
        root: The folder.
        case_id: Of the case.
        found: Which series may be its CT and its PET.
        n_patients: How many patients its headers name.
        cancer: Of every patient of the root, where that was said.
        identifiers: Whether choices name patient, study and series.
    """

    root: Path
    case_id: str
    found: Candidates
    n_patients: int = 1
    cancer: Cancer | None = None
    identifiers: bool = False

    def inputs(self) -> Inputs:
        """Files of the most fitting CT and its PET; the others are known by the UIDs of their images."""
        cts, pet = self.found.cts[:1], self._pets(self.found.cts[0])[:1] if self.found.cts else ()
        return {
            role: {name: self.root / name for name in series.files}
            for role, of_role in (("ct", cts), ("pet", pet))
            for series in of_role
        }

    def paths(self) -> tuple[Path, ...]:
        """The root."""
        return (self.root,)

    def facts(self) -> dict[str, Any]:
        """What decides beside bytes: which series there are, in which order."""
        return {
            "case_id": self.case_id,
            "cts": [one.content for one in self.found.cts],
            "pets": [one.content for one in self.found.pets],
            "refused": [one.model_dump() for one in self.found.refused],
            "patients": self.n_patients,
            "cancer": self.cancer,
            "identifiers": self.identifiers,
        }

    def load(self, progress: Progress) -> Loaded:
        """Read the most fitting CT that can be read, with its PET where one can.

        Raises:
            UnusableStudyError: There is none.
        """
        if self.n_patients > 1:
            raise UnusableStudyError(
                "the headers of the study name several patients (Patient ID (0010,0020)): correct the archive.",
                self._named(self.found.refused),
            )
        tried: list[SeriesChoice] = []
        problem = "the study has no CT of the chest that could be taken; choices.csv says why of every series."
        for ct in self.found.cts[:_MAX_CTS]:
            try:
                loaded = self._with(ct, progress)
            except InputError as error:
                if passing_code(error) is not None:
                    raise
                problem = str(error)
                tried.append(choice(ct, "refused", Reason("series_unreadable", {"why": problem})))
                continue
            taken = {one.series for one in loaded.choices}
            rest = [one for one in self.found.cts if one.digest not in taken | {each.series for each in tried}]
            others = [less_fitting(one, ct_rank(one), ct, ct_rank(ct)) for one in rest]
            choices = self._named((*loaded.choices, *tried, *others, *self.found.refused))
            return Loaded(loaded.case, choices, tuple(self._files(ct)))
        raise UnusableStudyError(problem, self._named((*tried, *self.found.refused)))

    def _pets(self, ct: SeriesFacts) -> tuple[SeriesFacts, ...]:
        return tuple(sorted(self.found.pets, key=lambda one: pet_rank(one, ct)))

    def _with(self, ct: SeriesFacts, progress: Progress) -> Loaded:
        """The case of a CT, with the most fitting PET; without any where that cannot be used."""
        facts = {"kernel": kernel_class(ct), "distance_mm": ct.distance_mm or 0.0}
        choices = [choice(ct, "taken", Reason("series_taken_ct", facts))]
        pets = self._pets(ct)
        if not pets:
            return Loaded(self._case(ct, None, progress), tuple(choices))
        taken = pets[0]
        rest = [less_fitting(one, pet_rank(one, ct), taken, pet_rank(taken, ct)) for one in pets[1:]]
        try:
            case = self._case(ct, taken, progress)
            choices.append(choice(taken, "taken", Reason("series_taken_pet")))
        except InputError as error:
            if passing_code(error) is not None:
                raise
            # Where the CT is at fault this fails too, and says so.
            case = self._case(ct, None, progress)
            case = replace(case, warnings=(*case.warnings, Reason("pet_of_study_not_used", {"why": str(error)})))
            choices.append(choice(taken, "refused", Reason("series_unreadable", {"why": str(error)})))
        return Loaded(case, (*choices, *rest))

    def _case(self, ct: SeriesFacts, pet: SeriesFacts | None, progress: Progress) -> Case:
        unchecked = UncheckedCase(
            case_id=self.case_id,
            ct=partial(_read, self._files(ct), "CT", "CT"),
            pet=None if pet is None else partial(_read, self._files(pet), "PT", "PET"),
            facts=CaseFacts(cancer=self.cancer),
        )
        return check_case(unchecked, progress)

    def _files(self, series: SeriesFacts) -> list[Path]:
        return [self.root / name for name in series.files]

    def _named(self, choices: Sequence[SeriesChoice]) -> tuple[SeriesChoice, ...]:
        """Choices in the order of the series, with identifiers where they were asked for."""
        ordered = sorted(choices, key=lambda one: (one.series_number is None, one.series_number or 0, one.series))
        if not self.identifiers:
            return tuple(ordered)
        first = {series.digest: series.files[0] for series in (*self.found.cts, *self.found.pets)}
        first |= self.found.first_refused
        known = {digest: identifiers_of(self.root / path) for digest, path in first.items()}
        return tuple(one.model_copy(update={"identifiers": known.get(one.series, {})}) for one in ordered)


def cases_of_root(
    root: Path, database: Path, cancer: Cancer | None = None, identifiers: bool = False
) -> list[ListedCase]:
    """The studies of an index that have any CT or PET, by their names."""
    cases = list(_cases(root, database, cancer, identifiers))
    return sorted(cases, key=lambda case: case.case_id)


def _cases(root: Path, database: Path, cancer: Cancer | None, identifiers: bool) -> Iterator[ListedCase]:
    for uid, files in studies_of(database):
        if any(file.facts["modality"] in ("CT", "PT") for file in files):
            yield ListedCase(study_case_id(uid), _source(root, uid, files, cancer, identifiers))


def _source(
    root: Path, uid: str, files: Sequence[IndexedFile], cancer: Cancer | None, identifiers: bool
) -> StudySource:
    found = series_of(files)
    patients = {patient for series in found for patient in series.patients}
    return StudySource(root, study_case_id(uid), candidates(found), len(patients), cancer, identifiers)


def _read(files: Sequence[Path], modality: str, role: str, warn: Warn) -> GivenImage:
    series = read_series_files(files, modality, role, warn)
    return GivenImage(series.image, role, series)
