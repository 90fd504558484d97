"""Studies of a DICOM root: the index, and the right CT and PET by stated rules, with a reason for every series."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from batch.toy_batch import put_back, toy_job, toy_settings
from imaging.samples import change, pet_tags, write_enhanced, write_series
from pydicom import dcmread
from pydicom.uid import generate_uid

from LNStationLib.batch import contents
from LNStationLib.batch.folder import read_record
from LNStationLib.batch.records import SeriesChoice
from LNStationLib.batch.run import done_before
from LNStationLib.batch.studies import index as index_file
from LNStationLib.batch.studies.index import index_path, studies_of, update_index
from LNStationLib.batch.studies.rules import candidates, kernel_class
from LNStationLib.batch.studies.series import series_of
from LNStationLib.batch.studies.source import StudySource, UnusableStudyError, cases_of_root
from LNStationLib.batch.words import choice_words
from LNStationLib.batch.work import assess_job
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import silent
from LNStationLib.support.words import words

SLICES = 12


def volume(slices: int = SLICES, distance_mm: float = 10.0) -> sitk.Image:
    hu = np.random.default_rng(1).integers(-900, 300, (slices, 16, 16)).astype(np.int16)
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((15.0, 15.0, distance_mm))
    return image


def uptake() -> sitk.Image:
    """Bq/ml that make SUV of a patient."""
    return sitk.Cast(volume(), sitk.sitkFloat32) * 20.0 + 20000.0


class Archive:
    """A folder of series that are told apart by their numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database, self.number = folder, folder.parent / "index.sqlite", 0

    def add(self, image: sitk.Image | None = None, modality: str = "CT", **tags: Any) -> list[Path]:
        self.number += 1
        tags = {"FrameOfReferenceUID": "1.2.3", **(pet_tags() if modality == "PT" else {}), **tags}
        image = image or (uptake() if modality == "PT" else volume())
        place = self.folder / "Doe^John" / str(self.number)
        return write_series(place, image, modality, number=self.number, tags=tags)

    def read(self) -> list[Any]:
        update_index(self.folder, self.database)
        (study,) = studies_of(self.database)
        return series_of(study[1])

    def source(self, **options: Any) -> StudySource:
        update_index(self.folder, self.database)
        (case,) = cases_of_root(self.folder, self.database, **options)
        assert isinstance(case.source, StudySource)
        return case.source


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An archive whose CTs need not look like chests."""
    monkeypatch.setattr("LNStationLib.case.check.check_thorax", lambda ct, name, warn: None)
    return Archive(tmp_path / "root")


# The index


def test_the_index_reads_what_is_new_or_changed_and_forgets_what_is_gone(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "_CHUNK", 5)
    files = archive.add()
    (archive.folder / "notes.txt").write_text("no DICOM")
    (archive.folder / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    assert update_index(archive.folder, archive.database) == SLICES + 2
    assert update_index(archive.folder, archive.database) == 0
    change(files[0], SeriesDescription="chest")
    files[1].unlink()
    assert update_index(archive.folder, archive.database) == 1
    ((_, found),) = studies_of(archive.database)
    assert len(found) == SLICES - 1
    assert {file.facts["description"] for file in found} == {"chest", "test"}


def test_an_index_that_was_cut_off_goes_on(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_file, "_CHUNK", 5)
    archive.add()

    def stop(step: str, fraction: float) -> None:
        if step.startswith("reading headers: 5"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_index(archive.folder, archive.database, 1, stop)
    assert update_index(archive.folder, archive.database) == SLICES - 5


def test_the_index_is_the_users_own_and_holds_no_name(archive: Archive) -> None:
    archive.add()
    update_index(archive.folder, archive.database)
    assert stat.S_IMODE(archive.database.stat().st_mode) == 0o600
    content = archive.database.read_bytes()
    assert b"Secret" not in content
    assert b"SECRET-1" not in content


def test_a_damaged_index_is_said_with_the_remedy(archive: Archive) -> None:
    archive.add()
    archive.database.write_bytes(b"this is no database" * 100)
    with pytest.raises(InputError, match=r"cannot be used \(file is not a database\)"):
        update_index(archive.folder, archive.database)


def test_each_root_has_an_index_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path))
    assert index_path(tmp_path / "a").parent == tmp_path / "Cache"
    assert index_path(tmp_path / "a") != index_path(tmp_path / "b")


# Which series


REFUSED: dict[str, dict[str, Any]] = {
    "localizer": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    "capture": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    "no_image": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.67", "Rows": None, "Modality": "SR"},
    "other_modality": {"Modality": "MR"},
    "color": {"SamplesPerPixel": 3},
    "multiframe": {"NumberOfFrames": 20},
    "projection": {"SeriesDescription": "Thorax MIP 10/2"},
    "not_attenuation": {"SeriesDescription": "Iodine map"},
    "repeated": {"ImagePositionPatient": [0, 0, 0], "SOPInstanceUID": ""},
    "not_placed": {"ImagePositionPatient": None},
    "not_axial": {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
}


def test_an_enhanced_file_is_a_series_of_its_frames(archive: Archive) -> None:
    folder = write_enhanced(archive.folder / "made", volume())
    shutil.rmtree(folder.parent / "classic")
    [series] = archive.read()
    assert (series.files, series.n_images, series.n_places) == (("made/enhanced/all.dcm",), SLICES, SLICES)
    assert (series.distance_mm, series.is_axial) == (pytest.approx(10.0, abs=1e-3), True)
    assert candidates([series]).cts == (series,)
    assert archive.source().load(silent).case.ct.GetSize() == volume().GetSize()


def test_what_is_no_ct_volume_of_the_chest_is_refused_with_its_reason(archive: Archive) -> None:
    for tags in REFUSED.values():
        archive.add(**tags)
    archive.add(ImageType=["DERIVED", "SECONDARY", "MIP"])
    archive.add(SeriesDescription="chest")
    found = candidates(archive.read())
    assert [one.number for one in found.cts] == [archive.number]
    assert [one.code for one in found.refused] == [f"series_{code}" for code in (*REFUSED, "projection")]
    assert all(choice_words(one) != one.code.replace("_", " ") for one in found.refused)


@pytest.mark.parametrize(
    ("described", "is_ct"),
    [
        ("CT FUSION", True),
        ("CT for fusion 3.0", True),
        ("PET CT fusion", False),
        ("Fusion", False),
        ("FUSED PT/CT", False),
    ],
)
def test_a_ct_made_for_fusion_is_a_ct_and_a_fused_image_is_none(
    archive: Archive, described: str, is_ct: bool
) -> None:
    archive.add(SeriesDescription=described)
    assert bool(candidates(archive.read()).cts) is is_ct


@pytest.mark.parametrize(("image", "code"), [(volume(9), "few_images"), (volume(12, 5.0), "short")])
def test_what_is_too_small_for_a_chest_is_refused(archive: Archive, image: sitk.Image, code: str) -> None:
    archive.add(image)
    assert [one.code for one in candidates(archive.read()).refused] == [f"series_{code}"]


@pytest.mark.parametrize(
    ("worse", "better", "by"),
    [
        ({"BodyPartExamined": "HEAD"}, {"BodyPartExamined": ""}, "part_of_body"),
        ({"BodyPartExamined": "ABDOMEN"}, {"BodyPartExamined": "CHEST"}, "part_of_body"),
        ({"ConvolutionKernel": "B70f"}, {"ConvolutionKernel": "B31f"}, "kernel"),
        ({"ConvolutionKernel": "LUNG"}, {"ConvolutionKernel": "unheard-of"}, "kernel"),
        ({"ConvolutionKernel": "Br59"}, {"ConvolutionKernel": ["Br36f", "3"]}, "kernel"),
        ({"SeriesDescription": "Lunge 1.0"}, {"SeriesDescription": "Thorax Mediastinum"}, "kernel"),
        ({}, {"ContrastBolusAgent": "Ultravist"}, "contrast"),
    ],
)
def test_the_more_fitting_ct_goes_first_and_the_other_says_why(
    archive: Archive, worse: dict[str, Any], better: dict[str, Any], by: str
) -> None:
    archive.add(**worse)
    archive.add(**better)
    assert [one.number for one in candidates(archive.read()).cts] == [2, 1]
    other = next(one for one in archive.source().load(silent).choices if one.series_number == 1)
    assert (other.decision, other.code, other.facts) == ("not needed", "series_less_fitting", {"taken": 2, "by": by})
    assert choice_words(other).startswith("series 2 fits better: ")


def test_thin_slices_go_before_thick_ones_and_a_sharp_kernel_after_both(archive: Archive) -> None:
    for distance_mm, kernel in ((10.0, "B30f"), (6.0, "B30f"), (3.0, "B80f")):
        archive.add(volume(40, distance_mm), ConvolutionKernel=kernel)
    assert [one.number for one in candidates(archive.read()).cts] == [2, 1, 3]


def test_thin_slices_far_apart_are_not_thin(archive: Archive) -> None:
    archive.add(volume(12, 10.0), SliceThickness=1.0)
    archive.add(volume(40, 5.0), SliceThickness=5.0)
    assert [one.number for one in candidates(archive.read()).cts] == [2, 1]


def test_copies_of_a_series_count_once(archive: Archive) -> None:
    files = archive.add()
    twin = archive.folder / "copy"
    twin.mkdir()
    for file in files:
        (twin / file.name).write_bytes(file.read_bytes())
    (series,) = archive.read()
    assert (series.n_images, series.n_copies, series.n_places) == (SLICES, SLICES, SLICES)


def test_a_scout_within_the_series_that_it_planned_is_left_out(archive: Archive) -> None:
    files = archive.add()
    change(files[0], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (series,) = archive.read()
    assert series.n_images == SLICES - 1
    assert files[0].name not in {Path(name).name for name in series.files}


KERNELS = {
    "B40s": "soft", "I26f": "soft", "Bl57d": "sharp", "Qr40": "soft", "STANDARD": "soft", "BONEPLUS": "sharp",
    "FC08": "soft", "FC51": "sharp", "B": "soft", "YC": "sharp", "C": "unknown",
}  # fmt: skip


def test_kernels_of_four_vendors_are_known(archive: Archive) -> None:
    for kernel in KERNELS:
        archive.add(volume(2), ConvolutionKernel=kernel)
    assert {series.facts["kernel"]: kernel_class(series) for series in archive.read()} == KERNELS


def test_a_pet_that_gives_no_static_corrected_uptake_is_refused(archive: Archive) -> None:
    archive.add(modality="PT", CorrectedImage=["DECY", "SCAT"])
    archive.add(modality="PT", CorrectedImage="", SeriesDescription="PET NAC")
    archive.add(modality="PT", SeriesType=["GATED", "IMAGE"])
    codes = [one.code for one in candidates(archive.read()).refused]
    assert codes == ["series_uncorrected", "series_uncorrected", "series_dynamic"]


@pytest.mark.parametrize(("name", "taken"), [("FDG -- fluorodeoxyglucose", True), ("Ga-68 PSMA", False)])
def test_only_fdg_is_taken_where_the_tracer_is_said(archive: Archive, name: str, taken: bool) -> None:
    for file in archive.add(modality="PT"):
        header = dcmread(file)
        header.RadiopharmaceuticalInformationSequence[0].Radiopharmaceutical = name
        header.save_as(file)
    assert bool(candidates(archive.read()).pets) is taken


# A study as a case


@pytest.fixture
def job_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(contents, "_SETTLED_S", -1.0)
    with toy_settings() as settings:
        yield settings


def by_number(choices: list[SeriesChoice]) -> dict[int | None, tuple[str, str]]:
    return {one.series_number: (one.decision, one.code) for one in choices}


def test_a_ct_that_cannot_be_read_gives_way_to_the_next(archive: Archive) -> None:
    gap = archive.add(BodyPartExamined="CHEST")
    gap[len(gap) // 2].unlink()
    archive.add()
    loaded = archive.source(cancer="lung").load(silent)
    assert by_number(list(loaded.choices)) == {1: ("refused", "series_unreadable"), 2: ("taken", "series_taken_ct")}
    assert (loaded.case.facts.cancer, loaded.case.facts.sex) == ("lung", "F")
    assert loaded.case.case_id.startswith("study-")


def test_a_pet_that_cannot_be_used_costs_the_pet_and_not_the_case(archive: Archive) -> None:
    archive.add()
    archive.add(modality="PT", Units="CNTS")
    loaded = archive.source().load(silent)
    assert loaded.case.pet is None
    assert any("PET of the study was not used" in words(warning) for warning in loaded.case.warnings)
    assert by_number(list(loaded.choices))[2] == ("refused", "series_unreadable")


def test_the_pet_in_the_frame_of_the_ct_is_taken(archive: Archive) -> None:
    archive.add()
    archive.add(modality="PT", FrameOfReferenceUID="9.9")
    archive.add(modality="PT")
    loaded = archive.source().load(silent)
    assert loaded.case.pet is not None
    assert by_number(list(loaded.choices)) == {
        1: ("taken", "series_taken_ct"),
        2: ("not needed", "series_less_fitting"),
        3: ("taken", "series_taken_pet"),
    }


def test_a_study_without_a_ct_says_why_of_every_series(archive: Archive) -> None:
    archive.add(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    archive.add(modality="PT")
    with pytest.raises(UnusableStudyError, match="no CT of the chest") as raised:
        archive.source().load(silent)
    assert by_number(list(raised.value.choices)) == {1: ("refused", "series_localizer")}


def test_a_study_of_two_patients_is_refused(archive: Archive) -> None:
    archive.add(PatientID="A")
    archive.add(PatientID="B")
    with pytest.raises(UnusableStudyError, match="several patients"):
        archive.source().load(silent)


def test_two_studies_are_two_cases(archive: Archive) -> None:
    archive.add()
    archive.add(StudyInstanceUID=generate_uid())
    archive.add(StudyInstanceUID=generate_uid(), Modality="MR")
    update_index(archive.folder, archive.database)
    assert len(cases_of_root(archive.folder, archive.database)) == 2


def test_identifiers_stand_in_choices_only_where_asked(archive: Archive) -> None:
    archive.add()
    archive.add(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert all(not one.identifiers for one in archive.source().load(silent).choices)
    named = archive.source(identifiers=True).load(silent).choices
    assert [one.identifiers["patient_id"] for one in named] == ["SECRET-1", "SECRET-1"]
    assert named[0].identifiers["description"] == "test"


def test_a_study_is_assessed_once_whatever_its_times_say(archive: Archive, tmp_path: Path, job_settings: Any) -> None:
    files = archive.add()
    update_index(archive.folder, archive.database)
    (case,) = cases_of_root(archive.folder, archive.database)
    job = toy_job(case, tmp_path / "out", job_settings)
    record = assess_job(job)
    assert record.outcome == "assessed"
    assert done_before(job) == record
    put_back(files[3])
    assert done_before(job) is None
    assert assess_job(job).seconds == record.seconds
    values = files[3].read_bytes()
    files[3].write_bytes(values[:-1] + bytes([values[-1] ^ 1]))
    assert assess_job(job).key != record.key


def test_nothing_written_names_the_patient(archive: Archive, tmp_path: Path, job_settings: Any) -> None:
    archive.add()
    archive.add(modality="PT", Units="CNTS")
    update_index(archive.folder, archive.database)
    (case,) = cases_of_root(archive.folder, archive.database)
    job = toy_job(case, tmp_path / "out", job_settings)
    assess_job(job)
    assert read_record(job.plan.out, case.case_id) is not None
    for folder, _, names in os.walk(tmp_path / "out"):
        for name in names:
            content = Path(folder, name).read_bytes() + name.encode()
            assert not any(word in content for word in (b"Secret", b"SECRET", b"Doe", str(archive.folder).encode()))
    assert "Doe" not in repr(job)
