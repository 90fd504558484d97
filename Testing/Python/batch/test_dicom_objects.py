"""DICOM objects of a batch: beside the other results of a case, or a sentence before the case is assessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import SimpleITK as sitk
from batch.toy_batch import toy_job, toy_settings
from imaging.enhanced_samples import Layout, write_enhanced_ct
from imaging.samples import chest, write_series
from pydicom import dcmread

from LNStationLib.batch.folder import unit_folder
from LNStationLib.batch.listing import ListedCase
from LNStationLib.batch.run import done_before
from LNStationLib.batch.sources import FileSource
from LNStationLib.batch.work import Job, assess_job, unit_key
from LNStationLib.case.request import CaseRequest
from LNStationLib.state.settings import Settings

STUDY = "1.2.826.0.1.3680043.8.498.1"
OBJECTS = {"dicom/report_sr.dcm"}
"""What there is of a patient whose stations are empty."""


@pytest.fixture
def settings() -> Iterator[Settings]:
    with toy_settings() as chosen:
        yield chosen


def small_chest() -> sitk.Image:
    return sitk.Shrink(chest(), (3, 3, 3))


def job_of(ct: Path, out: Path, settings: Settings) -> Job:
    job = toy_job(ListedCase("case-1", FileSource(CaseRequest(ct=ct, case_id="case-1"))), out, settings)
    return replace(job, plan=replace(job.plan, dicom=True))


@pytest.fixture
def job(tmp_path: Path, settings: Settings) -> Job:
    write_series(tmp_path / "ct", small_chest(), tags={"StudyInstanceUID": STUDY, "PatientID": "A-7"})
    return job_of(tmp_path / "ct", tmp_path / "out", settings)


def test_objects_of_the_ct_s_study_are_results_of_the_case(job: Job) -> None:
    record = assess_job(job)
    assert record.outcome == "assessed", record.sentence
    names = {one.name for one in record.outputs}
    assert names >= OBJECTS
    folder = unit_folder(job.plan.out, job.case_id)
    headers = [dcmread(folder / name, stop_before_pixels=True) for name in OBJECTS]
    assert {(header.StudyInstanceUID, header.PatientID) for header in headers} == {(STUDY, "A-7")}


def test_an_enhanced_ct_has_objects_too(tmp_path: Path, settings: Settings) -> None:
    tags = {"StudyInstanceUID": STUDY, "PatientID": "A-7"}
    (file,) = write_enhanced_ct(
        tmp_path / "ct", write_series(tmp_path / "slices", small_chest(), tags=tags), Layout()
    )
    record = assess_job(job_of(tmp_path / "ct", tmp_path / "out", settings))
    assert record.outcome == "assessed", record.sentence
    made = dcmread(unit_folder(tmp_path / "out", "case-1") / "dicom" / "report_sr.dcm")
    series = made.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    named = [item.ReferencedSOPInstanceUID for one in series for item in one.ReferencedSOPSequence]
    assert named == [dcmread(file).SOPInstanceUID]


def test_an_object_that_is_lost_is_made_again_and_a_batch_without_objects_is_another(job: Job) -> None:
    record = assess_job(job)
    without = replace(job, plan=replace(job.plan, dicom=False))
    assert unit_key(job, record.inputs) != unit_key(without, record.inputs)
    (unit_folder(job.plan.out, job.case_id) / "dicom" / "report_sr.dcm").unlink()
    assert done_before(job) is None
    assert {one.name for one in assess_job(job).outputs} >= OBJECTS


def test_a_ct_that_is_no_series_is_refused_before_it_is_assessed(tmp_path: Path, settings: Settings) -> None:
    sitk.WriteImage(small_chest(), str(tmp_path / "ct.nii.gz"))
    record = assess_job(job_of(tmp_path / "ct.nii.gz", tmp_path / "out", settings))
    assert (record.outcome, record.outputs) == ("refused", [])
    assert "not a DICOM series" in record.sentence
    assert "--dicom" in record.sentence
