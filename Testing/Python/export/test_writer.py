"""All files or none: nothing half written, nothing foreign touched."""

from __future__ import annotations

import csv
import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from export.cases import Frame, Options, ct_image, image_of, make_result

from LNStationLib.export import output_folder as folder_module
from LNStationLib.export import prepare_output_folder, write_outputs
from LNStationLib.export.label_maps import write_label_map
from LNStationLib.export.output_folder import FILE_NAMES, partial_folder
from LNStationLib.state.assessment import Assessment
from LNStationLib.support.errors import CancelledError, OutputError

EXPECTED = {
    "assessment.json",
    "stations.nii.gz",
    "nodes.nii.gz",
    "organs.nii.gz",
    "stations.csv",
    "nodes.csv",
    "report.html",
    "report.pdf",
    "report.txt",
}
OBLIQUE = Frame((0.0, 0.8, 0.6, 1.0, 0.0, 0.0, 0.0, -0.6, 0.8), (2.0, 2.0, 4.0))


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "case" / "results"
    files = write_outputs(make_result(), out, overwrite=False)
    assert files == [out / name for name in FILE_NAMES]
    return out


def test_exactly_the_fixed_names_are_written(written: Path) -> None:
    assert _names(written) == EXPECTED
    assert FILE_NAMES[-1] == "assessment.json"


def test_the_json_reads_back_as_the_same_assessment(written: Path) -> None:
    text = (written / "assessment.json").read_text(encoding="utf-8")
    assert Assessment.model_validate_json(text) == make_result().assessment


def test_the_tables_read_back(written: Path) -> None:
    with (written / "stations.csv").open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == len(make_result().assessment.stations)


def test_the_pdf_is_a_pdf(written: Path) -> None:
    assert (written / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_label_maps_carry_labels_and_the_geometry_of_an_oblique_ct(tmp_path: Path) -> None:
    result = make_result(Options(frame=OBLIQUE))
    write_outputs(result, tmp_path, overwrite=False)
    for name, image in (("stations", result.stations), ("nodes", result.nodes), ("organs", result.organs)):
        read = sitk.ReadImage(str(tmp_path / f"{name}.nii.gz"))
        assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(image))
        assert read.GetPixelID() == image.GetPixelID()
        # NIfTI keeps the geometry in single precision.
        assert read.GetSpacing() == pytest.approx(result.case.ct.GetSpacing(), rel=1e-6)
        assert read.GetOrigin() == pytest.approx(result.case.ct.GetOrigin(), abs=1e-3)
        assert read.GetDirection() == pytest.approx(result.case.ct.GetDirection(), abs=1e-6)


def test_the_same_result_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_outputs(make_result(), tmp_path, overwrite=False)
    for name in FILE_NAMES:
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes(), name


def test_a_label_map_on_another_grid_is_a_defect(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="different grid"):
        write_label_map(sitk.Image([4, 4, 4], sitk.sitkUInt8), ct_image(Frame()), tmp_path / "x.nii.gz")


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    prepare_output_folder(tmp_path / "a" / "b", overwrite=False)
    assert (tmp_path / "a" / "b").is_dir()
    assert not _names(tmp_path / "a" / "b")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        prepare_output_folder(tmp_path / "out", overwrite=True)


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        prepare_output_folder(tmp_path / "out" / "deeper", overwrite=False)


def test_a_look_whether_a_folder_takes_files_leaves_nothing_where_it_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match="No space is left"):
        prepare_output_folder(tmp_path / "out", overwrite=True)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_look_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".lnstation-partial-abc").write_bytes(b"LNStation")
    with partial_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_is_not_empty_needs_overwrite(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        prepare_output_folder(tmp_path, overwrite=False)
    prepare_output_folder(tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_with_the_name_of_a_result_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").mkdir()
    with pytest.raises(OutputError, match=r"report\.pdf is a folder"):
        prepare_output_folder(tmp_path, overwrite=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permissions"):
        prepare_output_folder(tmp_path, overwrite=False)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write")
def test_a_folder_where_nobody_can_create_files_is_refused() -> None:
    with pytest.raises(OutputError, match=r"cannot be written"):
        prepare_output_folder(Path("/proc/self"), overwrite=True)


def test_overwriting_replaces_our_files_and_leaves_the_others(tmp_path: Path) -> None:
    for name in (*FILE_NAMES, "notes.txt", "report_mine.html"):
        (tmp_path / name).write_text("old")
    (tmp_path / "sub").mkdir()
    write_outputs(make_result(), tmp_path, overwrite=True)
    assert _names(tmp_path) == EXPECTED | {"notes.txt", "report_mine.html", "sub"}
    assert (tmp_path / "notes.txt").read_text() == "old"
    assert all((tmp_path / name).read_bytes() != b"old" for name in EXPECTED)


def test_a_link_in_place_of_a_result_is_replaced_and_its_target_untouched(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.html"
    target.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.html").symlink_to(target)
    write_outputs(make_result(), out, overwrite=True)
    assert target.read_text() == "mine"
    assert not (out / "report.html").is_symlink()


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    leftover = tmp_path / ".lnstation-partial-dead"
    leftover.mkdir()
    (leftover / "assessment.json").write_text("{")
    write_outputs(make_result(), tmp_path, overwrite=True)
    assert _names(tmp_path) == EXPECTED


@pytest.mark.parametrize("step", ["writing nodes.nii.gz", "picture of station 7", "writing report.pdf", "moving"])
def test_cancelling_at_any_step_leaves_nothing_new(tmp_path: Path, step: str) -> None:
    (tmp_path / "assessment.json").write_text("old")

    def cancel(words: str, _: float) -> None:
        if words.startswith(step):
            raise CancelledError

    with pytest.raises(CancelledError):
        write_outputs(make_result(), tmp_path, overwrite=True, progress=cancel)
    assert _names(tmp_path) == {"assessment.json"}
    assert (tmp_path / "assessment.json").read_text() == "old"


@pytest.mark.parametrize("failing", range(len(FILE_NAMES)))
def test_an_interrupted_replacement_never_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    out, made = tmp_path / "out", tmp_path / "made"
    for folder, words in ((out, "old"), (made, "new")):
        folder.mkdir()
        for name in FILE_NAMES:
            (folder / name).write_text(words)
    real, calls = os.replace, []

    def replace(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) > failing:
            raise OSError(errno.EIO, "broken")
        real(source, target)

    monkeypatch.setattr(folder_module.os, "replace", replace)
    with pytest.raises(OSError, match="broken"):
        folder_module.publish(made, out)
    assert not (out / "assessment.json").exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space is left"),
        (errno.EACCES, "permissions"),
        (errno.EROFS, "permissions"),
        (errno.EIO, "choose another folder"),
    ],
)
def test_file_system_errors_become_one_sentence(tmp_path: Path, number: int, words: str) -> None:
    with pytest.raises(OutputError, match=words) as caught, folder_module.user_facing_errors(tmp_path):
        raise OSError(number, "x")
    assert str(tmp_path) in str(caught.value)


def test_a_missing_resource_is_not_blamed_on_the_output_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), folder_module.user_facing_errors(tmp_path):
        raise FileNotFoundError("Resources/Report/report.typ not found")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_noticed_although_itk_does_not_tell(tmp_path: Path) -> None:
    path = tmp_path / "stations.nii.gz"
    path.symlink_to("/dev/full")
    ct = ct_image(Frame())
    noise = np.random.default_rng(0).integers(0, 255, ct.GetSize()[::-1], np.uint8)
    with pytest.raises(OSError, match="space"):
        write_label_map(image_of(noise, ct), ct, path)


_FULL_DISK = """
import resource, sys
from pathlib import Path
from LNStationLib.support.errors import OutputError
from LNStationLib.export import write_outputs
from export.cases import make_result
result = make_result()
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    write_outputs(result, Path(sys.argv[1]), overwrite=False)
except OutputError as error:
    print(error)
    raise SystemExit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX resource limits")
@pytest.mark.parametrize("limit", [700, 40_000])
def test_running_out_of_space_leaves_an_empty_folder_and_one_sentence(tmp_path: Path, limit: int) -> None:
    tests = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests.parents[1]), str(tests)])}
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK.format(limit=limit), str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert "No space is left" in done.stdout
    assert not _names(tmp_path / "out")


def test_another_run_leaves_alone_what_is_being_written_and_sweeps_up_what_a_kill_left(tmp_path: Path) -> None:
    left = tmp_path / ".lnstation-partial-killed"
    left.mkdir()
    (left / "in-use").touch()
    with partial_folder(tmp_path) as first:
        assert not left.exists()
        (first / "a").touch()
        with partial_folder(tmp_path) as second:
            assert (first / "a").exists()
            assert second != first
    assert list(tmp_path.iterdir()) == []
