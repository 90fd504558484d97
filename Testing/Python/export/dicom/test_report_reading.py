"""A review goes on from a structured report: ours says all it said, others' what they say, the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from export.cases import make_result
from export.dicom.results import WHEN, exported, results, review
from pydicom import dcmread
from pydicom.dataset import Dataset

from LNStationLib.export.review_file import continued, read_review
from LNStationLib.support.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    exported(made, results())
    return made


@pytest.fixture
def report(folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """The report with something changed in it."""

    def changed(change: Callable[[Dataset], object]) -> Path:
        made = dcmread(folder / "dicom" / "report_sr.dcm")
        change(made)
        made.save_as(tmp_path / "changed.dcm")
        return tmp_path / "changed.dcm"

    return changed


def test_a_review_comes_back_from_its_report(folder: Path) -> None:
    given = review()
    read = read_review(folder / "dicom" / "report_sr.dcm", folder / "ct")
    assert (read.reader, read.blind) == (given.reader, given.blind)
    assert {name: (one.call, one.note) for name, one in read.calls.items()} == {
        name: (one.call, one.note) for name, one in given.calls.items()
    }
    assert {one.when for one in read.calls.values()} == {WHEN}


def test_a_review_comes_back_from_its_json_without_edits_of_other_outlines(tmp_path: Path) -> None:
    given = review()
    (tmp_path / "review.json").write_text(given.model_dump_json())
    assert read_review(tmp_path / "review.json", None) == given.model_copy(update={"edits": []})


def test_the_category_follows_from_the_calls_on_the_new_assessment() -> None:
    staged = continued(review(), make_result())
    assert staged.n_category is not None
    assert staged.n_category.positive_stations == ["9"]


def test_reports_by_others_need_neither_session_nor_times(report: Callable[..., Path], folder: Path) -> None:
    def strip(made: Dataset) -> None:
        for group in groups(made):
            group.pop("ObservationDateTime", None)
            group.ContentSequence = [item for item in group.ContentSequence if name(item) != "C67447"]

    read = read_review(report(strip), folder / "ct")
    assert not read.blind
    assert set(read.calls) == set(review().calls)


def groups(made: Dataset) -> list[Dataset]:
    (container,) = [item for item in made.ContentSequence if name(item) == "126010"]
    return list(container.ContentSequence)


def name(item: Dataset) -> str:
    return item.ConceptNameCodeSequence[0].CodeValue


def only_the_model(made: Dataset) -> None:
    (container,) = [item for item in made.ContentSequence if name(item) == "126010"]
    container.ContentSequence = [one for one in groups(made) if "111001" in map(name, one.ContentSequence)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda made: setattr(made.ContentTemplateSequence[0], "TemplateIdentifier", "2000"), "its template is 2000"),
        (lambda made: made.pop("ContentTemplateSequence"), "its template is not named"),
        (lambda made: setattr(made, "PatientID", "SOMEBODY-ELSE"), "names another patient than the CT's"),
        (only_the_model, "no reader's call on a lymph node station"),
        (lambda made: setattr(made, "Modality", "CT"), "not a structured report but CT"),
        (
            lambda made: groups(made)[5].ContentSequence.clear() or made.pop("ContentSequence"),
            "not a structured report",
        ),
    ],
)
def test_other_reports_are_refused_in_one_sentence(
    change: Callable[[Dataset], object], words: str, report: Callable[..., Path], folder: Path
) -> None:
    with pytest.raises(InputError, match=words) as refused:
        read_review(report(change), folder / "ct")
    assert "\n" not in str(refused.value)
    assert "SOMEBODY" not in str(refused.value)


@pytest.mark.parametrize(("content", "words"), [("{}", "not valid at reader"), ("no json", "cannot be read as JSON")])
def test_other_files_are_refused(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "review.json").write_text(content)
    with pytest.raises(InputError, match=words):
        read_review(tmp_path / "review.json", None)
    with pytest.raises(InputError, match="there is no file"):
        read_review(tmp_path / "none.json", None)


def test_a_truncated_report_is_refused(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "dicom" / "report_sr.dcm").read_bytes()
    (tmp_path / "half.dcm").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError):
        read_review(tmp_path / "half.dcm", None)


def test_a_report_without_a_name_of_the_reader_is_read(report: Callable[..., Path], folder: Path) -> None:
    def strip(made: Dataset) -> None:
        made.ContentSequence = [item for item in made.ContentSequence if name(item) != "121008"]

    assert read_review(report(strip), folder / "ct").reader == ""
