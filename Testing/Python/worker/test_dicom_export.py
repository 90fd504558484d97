"""The worker writes the objects of a case into the study that the panel names by its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from export.cases import Options, make_result
from export.dicom.results import FRAMES, STUDY, results, review, write_ct
from imaging.enhanced_samples import Layout, write_enhanced_ct
from pydicom import dcmread

from LNStationLib.export.dicom.objects import FILE_NAMES
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.progress import silent
from LNStationLib.worker.case_store import WarmCase
from LNStationLib.worker.methods import Methods


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Methods:
    """A worker that holds one assessed case."""
    methods = Methods(tmp_path_factory.mktemp("worker"))
    assessed = make_result(Options(frame=FRAMES["axial"], pet=True))
    methods._store.put("a", WarmCase(assessed.case, assessed))
    return methods


def export(worker: Methods, **params: Any) -> dict[str, Any]:
    return worker.by_name()["export_dicom"]({"case": "a", **params}, silent)


def names(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.iterdir())]


def test_the_objects_join_the_study_of_the_files(worker: Methods, tmp_path: Path) -> None:
    ct = write_ct(tmp_path / "ct", results())
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7 x")
    answer = export(
        worker,
        folder=str(tmp_path / "out"),
        ct_files=names(ct),
        review=review().model_dump(mode="json"),
        report=str(tmp_path / "report.pdf"),
    )
    assert [Path(file).name for file in answer["files"]] == list(FILE_NAMES)
    assert {dcmread(file).StudyInstanceUID for file in answer["files"]} == {STUDY["StudyInstanceUID"]}
    assert answer["warnings"] == []


def test_the_objects_refer_to_the_frames_of_an_enhanced_file(worker: Methods, tmp_path: Path) -> None:
    slices = sorted(write_ct(tmp_path / "ct", results()).iterdir())
    (file,) = write_enhanced_ct(tmp_path / "enhanced", slices, Layout())
    answer = export(worker, folder=str(tmp_path / "out"), ct_files=[str(file)])
    made = dcmread(next(one for one in answer["files"] if one.endswith("nodes_seg.dcm")))
    group = made.PerFrameFunctionalGroupsSequence[0]
    reference = group.DerivationImageSequence[0].SourceImageSequence[0]
    source = dcmread(file)
    assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
    frame = source.PerFrameFunctionalGroupsSequence[reference.ReferencedFrameNumber - 1]
    position = frame.PlanePositionSequence[0].ImagePositionPatient
    assert list(group.PlanePositionSequence[0].ImagePositionPatient) == pytest.approx(list(position))
    assert answer["warnings"] == []


def test_what_cannot_be_exported_is_one_sentence(worker: Methods, tmp_path: Path) -> None:
    other = write_ct(tmp_path / "ct", results("oblique"))
    with pytest.raises(GeometryError, match="not on the grid of the CT series"):
        export(worker, folder=str(tmp_path / "out"), ct_files=names(other))
    with pytest.raises(InputError, match="whole paths"):
        export(worker, folder="out", ct_files=names(other))
    with pytest.raises(InputError, match="holds no DICOM images"):
        export(worker, folder=str(tmp_path / "out"), ct_files=[str(tmp_path / "none.dcm")])
    assert not (tmp_path / "out").exists()
