"""The worker as a process, with a synthetic patient: as the Slicer module meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import chest, pet_tags, write_series
from phantoms import small
from worker.client import Client

from LNStationLib import anatomy
from LNStationLib.assessment.organ_layers import masks_of
from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import like
from LNStationLib.imaging.masks import mask_on
from LNStationLib.phantom import samples, write_case
from LNStationLib.state.assessment import Assessment
from LNStationLib.support.progress import silent
from LNStationLib.worker import messages
from LNStationLib.worker.images import required_image, write_image
from LNStationLib.worker.methods import Methods
from LNStationLib.worker.server import METHODS

COARSE = {"working_spacing_mm": 3.5}
"""Quicker, and fine enough for what is tested here."""
PRINTING = """
import os, sys
from LNStationLib.worker import methods
def devices(self, params, progress):
    print("a stray print")
    os.write(1, b"a stray write of some C++ library\\n")
    sys.__stdout__.write("another\\n"); sys.__stdout__.flush()
    os.system("echo a child process; cat")
    return {"devices": []}
methods.Methods._devices = devices
from LNStationLib.worker.__main__ import main
sys.exit(main())
"""
HUNGRY = """
import sys
import numpy as np
from LNStationLib.worker import methods
methods.Methods._devices = lambda self, params, progress: np.empty((1 << 50,), float)
from LNStationLib.worker.__main__ import main
sys.exit(main())
"""


def patient() -> Case:
    """The demo patient in few voxels."""
    return small(0).case


def load_params(client: Client, key: str = "a", **changes: Any) -> dict[str, Any]:
    case = patient()
    assert case.pet is not None
    assert case.nodes is not None
    assert case.tumor is not None
    facts = case.facts
    given: dict[str, Any] = {
        "case": key,
        "case_id": "synthetic demo",
        "ct": client.volume("ct.raw", case.ct),
        "pet": client.volume("pet.raw", case.pet),
        "pet_unit": "SUVbw",
        "organs": {name: client.volume(f"{name}.raw", mask) for name, mask in case.organ_masks.items()},
        "nodes": client.volume("nodes.raw", case.nodes),
        "tumor": client.volume("tumor.raw", case.tumor),
        "facts": {"cancer": facts.cancer, "tumor_side": facts.tumor_side, "study_date": "2026-03-01"},
        "synthetic": True,
    }
    return given | changes


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A worker that has one case, loaded and assessed."""
    with Client(tmp_path_factory.mktemp("private")) as worker:
        worker.result("load_case", load_params(worker))
        worker.first = worker.result("assess", {"case": "a", "settings": COARSE | {"nodes": "supplied"}})  # type: ignore[attr-defined]
        yield worker


def first(client: Client) -> dict[str, Any]:
    return client.first  # type: ignore[attr-defined, no-any-return]


def image(client: Client, described: dict[str, Any]) -> sitk.Image:
    return required_image(client.folder, described, "map")


def box_of(client: Client, station: str, keep: float) -> dict[str, Any]:
    """The lower part of a station as a box of the CT's grid."""
    stations = image(client, first(client)["stations"])
    mask = sitk.GetArrayFromImage(stations) == anatomy.station(station).label_value
    where = np.argwhere(mask)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    mask[low[0] + round(keep * (high[0] - low[0])) :] = False
    size, start = [int(n) for n in (high - low)[::-1]], [int(n) for n in low[::-1]]
    part = sitk.RegionOfInterest(like(mask.astype(np.uint8), stations), size, start)
    return client.volume(f"edit-{station}-{keep}.raw", part)


def finding(assessment: dict[str, Any], station: str) -> dict[str, Any]:
    return next(row for row in assessment["stations"] if row["station"] == station)


def test_hello_is_answered_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom LNStationLib.worker import server, __main__\n"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'torch', 'SimpleITK', 'scipy', 'pydantic', 'typst'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=os.getcwd())
    assert done.stdout.strip() == "[]"
    with Client(tmp_path / "private") as worker:
        about = worker.result("hello")
        assert about["pid"] == worker.process.pid
        assert worker.end() == 0


def test_an_assessment_comes_with_its_label_maps_on_the_grid_of_the_ct(client: Client) -> None:
    answer = first(client)
    assessment = Assessment.model_validate(answer["assessment"])
    assert assessment.n_category == "N2"
    assert assessment.case.case_id == "synthetic_demo"
    assert answer["attention"] is None
    kinds = {"stations": "uint8", "nodes": "uint16"}
    for name, kind in kinds.items():
        assert answer[name]["dtype"] == kind
        assert answer[name]["origin_mm"] == pytest.approx(patient().ct.GetOrigin())
        assert answer[name]["direction"] == pytest.approx(patient().ct.GetDirection())
    drawn = set(np.unique(sitk.GetArrayFromImage(image(client, answer["nodes"])))) - {0}
    assert drawn == {node.node_id for node in assessment.nodes}


def organ_masks(client: Client, answer: dict[str, Any]) -> dict[str, sitk.Image]:
    return masks_of(image(client, layer) for layer in answer["organs"])


def test_an_assessment_comes_with_every_organ_whole_in_layers(client: Client) -> None:
    masks = organ_masks(client, first(client))
    listed = {row["name"] for row in first(client)["assessment"]["organs"]}
    assert masks.keys() == listed - {"body"}
    aorta, arch = (mask_on(masks[name], patient().ct) for name in ("aorta", "aortic_arch"))
    assert np.count_nonzero(aorta & arch) > 0.9 * np.count_nonzero(arch)


def test_a_corrected_organ_is_answered_with_all_that_follows_and_undone_again(client: Client) -> None:
    masks = organ_masks(client, first(client))
    higher = sitk.Image(masks["aorta"])
    higher[:, :, : higher.GetSize()[2] // 2] = 0
    edit = write_image(client.folder, "aorta-edit.raw", higher)
    answer = client.result("reassess", {"case": "a", "organs": {"aorta": edit}})
    assert {"aorta", "descending_aorta"} <= set(answer["changed_organs"])
    assert organ_masks(client, answer).keys() <= set(answer["changed_organs"])
    aorta = next(row for row in answer["assessment"]["organs"] if row["name"] == "aorta")
    assert (aorta["source"], aorta["detail"]) == ("supplied", "edited by the reader")
    assert sitk.Hash(image(client, answer["stations"])) != sitk.Hash(image(client, first(client)["stations"]))
    undone = write_image(client.folder, "aorta-whole.raw", masks["aorta"])
    back = client.result("reassess", {"case": "a", "organs": {"aorta": undone}})
    for part in ("stations", "nodes", "organs"):
        assert back["assessment"][part] == first(client)["assessment"][part]
    assert sitk.Hash(image(client, back["stations"])) == sitk.Hash(image(client, first(client)["stations"]))


def test_the_worker_writes_nothing_but_volumes_readable_by_their_owner(client: Client) -> None:
    files = list(client.folder.iterdir())
    assert all(path.suffix == ".raw" for path in files)
    if os.name == "posix":
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_a_correction_changes_the_station_and_what_hangs_on_it(client: Client) -> None:
    earlier = first(client)["assessment"]
    empty = client.volume("edit.raw", patient().ct) | {"shape": [0, 3, 3]}
    answer = client.result("reassess", {"case": "a", "stations": {"4R": empty}})
    gone = finding(answer["assessment"], "4R")
    assert (gone["volume_ml"], gone["call"], gone["edited"]) == (None, None, True)
    assert "4R" in answer["changed"]
    assert answer["nodes"] is None
    assert finding(answer["assessment"], "6") == finding(earlier, "6")
    back = client.result("reassess", {"case": "a", "stations": {"4R": box_of(client, "4R", 1.0)}})
    assert back["assessment"]["stations"] == earlier["stations"]
    assert back["assessment"]["nodes"] == earlier["nodes"]


def test_a_correction_that_changes_pet_nodes_hands_over_their_map(client: Client) -> None:
    params = load_params(client, "pet", nodes=None)
    client.result("load_case", params)
    before = client.result("assess", {"case": "pet", "settings": COARSE | {"nodes": "pet_threshold"}})
    assert before["assessment"]["nodes"]
    station = before["assessment"]["nodes"][0]["station"]
    nothing = client.volume("edit.raw", patient().ct) | {"shape": [3, 0, 3]}
    answer = client.result("reassess", {"case": "pet", "stations": {station: nothing}})
    drawn = set(np.unique(sitk.GetArrayFromImage(image(client, answer["nodes"])))) - {0}
    assert drawn == {node["node_id"] for node in answer["assessment"]["nodes"]}
    assert len(drawn) < len(before["assessment"]["nodes"])
    assert client.result("release_case", {"case": "pet"}) == {}
    assert client.failure("assess", {"case": "pet"}).code == messages.ErrorCode.UNKNOWN_CASE


def test_a_second_assessment_keeps_the_nodes_that_the_reader_dismissed_and_drew(client: Client) -> None:
    params = load_params(client, "kept")
    client.result("load_case", params)
    before = client.result("assess", {"case": "kept", "settings": COARSE})
    gone, merged, other = (node["node_id"] for node in before["assessment"]["nodes"][:3])
    edits = [{"action": "dismiss", "nodes": [gone]}, {"action": "merge", "nodes": [merged, other]}]
    edited = client.result("reassess", {"case": "kept", "nodes": edits})
    again = client.result("assess", {"case": "kept", "settings": COARSE})
    assert [node["node_id"] for node in again["assessment"]["dismissed_nodes"]] == [gone]
    # Other nodes are numbered anew: reasons name other numbers.
    now, then = (
        [(row["station"], row["n_nodes"], row["call"]) for row in one["assessment"]["stations"]]
        for one in (again, edited)
    )
    assert now == then
    drawn = [node["node_id"] for node in again["assessment"]["nodes"] if node["source"] == "reader"]
    assert drawn == [min(merged, other)]
    dismissed = sitk.GetArrayFromImage(image(client, again["dismissed"]))
    assert set(np.unique(dismissed)) - {0} == {gone}
    assert first(client)["dismissed"] is None


def test_the_readers_calls_are_staged_by_the_rules_of_the_case(client: Client) -> None:
    calls = {row.name: "negative" for row in anatomy.stations()} | {"4L": "positive"}
    staged = client.result("stage", {"case": "a", "calls": calls})
    assert (staged["category"], staged["is_lower_bound"], staged["n_positive_nodes"]) == ("N3", False, None)
    few = client.result("stage", {"case": "a", "calls": {"7": "positive"}})
    assert (few["category"], few["is_lower_bound"]) == ("N2", True)
    assert "4L" in few["not_assessed_stations"]


def test_a_new_worker_takes_up_where_another_died(client: Client, tmp_path: Path) -> None:
    edit = box_of(client, "7", 0.5)
    expected = client.result("reassess", {"case": "a", "stations": {"7": edit}})["assessment"]
    client.result("reassess", {"case": "a", "stations": {"7": box_of(client, "7", 1.0)}})
    with Client(tmp_path / "private") as worker:
        worker.result("load_case", load_params(worker))
        maps = {
            name: write_image(worker.folder, f"saved-{name}.raw", image(client, first(client)[name]))
            for name in ("stations", "nodes")
        }
        layers = [
            write_image(worker.folder, f"saved-organs-{number}.raw", image(client, layer))
            for number, layer in enumerate(first(client)["organs"])
        ]
        saved = {"case": "a", "assessment": first(client)["assessment"], "organs": layers, **maps}
        assert worker.result("restore_case", saved) == {}
        edit_there = write_image(worker.folder, "edit.raw", image(client, edit))
        answer = worker.result("reassess", {"case": "a", "stations": {"7": edit_there}})["assessment"]
        for part in ("stations", "nodes", "staging", "n_category", "warnings", "midline", "case"):
            assert answer[part] == expected[part], part
        assert worker.result("stage", {"case": "a", "calls": {"7": "positive"}})["category"] == "N2"
        report = worker.result(
            "report", {"case": "a", "folder": str(tmp_path / "out"), "formats": ["nifti", "html"], "review": None}
        )
        assert {Path(name).name for name in report["files"]} == {
            "stations.nii.gz",
            "nodes.nii.gz",
            "organs.nii.gz",
            "report.html",
        }
        organs = sitk.ReadImage(str(tmp_path / "out" / "organs.nii.gz"))
        values = set(np.unique(sitk.GetArrayFromImage(organs))) - {0}
        listed = {anatomy.organ(row["name"]).label_value for row in first(client)["assessment"]["organs"]}
        assert anatomy.organ("body").label_value in values <= listed


def test_a_report_holds_the_review_and_no_study_date_unless_asked(client: Client, tmp_path: Path) -> None:
    review = {
        "schema_version": "1.0",
        "reader": "Reader 3",
        "blind": True,
        "calls": {"4R": {"call": "negative", "note": "calcified", "when": "2026-05-04T09:30:00+00:00"}},
        "edits": [],
        "n_category": client.result("stage", {"case": "a", "calls": {"4R": "negative"}}),
    }
    params = {"case": "a", "folder": str(tmp_path / "out"), "formats": ["json", "csv"], "review": review}
    files = client.result("report", params)["files"]
    names = {Path(name).name for name in files}
    assert names == {"stations.csv", "nodes.csv", "edits.csv", "n_category.csv", "review.json", "assessment.json"}
    assert json.loads((tmp_path / "out" / "review.json").read_text())["calls"]["4R"]["note"] == "calcified"
    assert json.loads((tmp_path / "out" / "assessment.json").read_text())["case"]["study_date"] is None
    again = client.failure("report", params)
    assert again.code == messages.ErrorCode.INPUT_ERROR
    assert "is not empty" in again.message
    known = params | {"folder": str(tmp_path / "known"), "identifiers": True}
    client.result("report", known)
    assert json.loads((tmp_path / "known" / "assessment.json").read_text())["case"]["study_date"] == "2026-03-01"


def test_a_report_names_the_patient_only_where_identifiers_are_asked_for(client: Client, tmp_path: Path) -> None:
    patient = {"PatientName": "Test^Patient", "PatientID": "PID-42", "PatientSex": "F", "PatientAge": "063Y"}
    asked = {"case": "a", "formats": ["json", "html"], "case_name": "Tumor board 3"}
    client.result("report", asked | {"folder": str(tmp_path / "plain")})
    named = {"folder": str(tmp_path / "named"), "identifiers": True, "patient": patient}
    client.result("report", asked | named)
    refused = client.failure("report", asked | {"folder": str(tmp_path / "refused"), "patient": patient})
    assert refused.code == messages.ErrorCode.INVALID_PARAMS
    assert "PID-42" not in refused.message
    told = {name: (tmp_path / name / "report.html").read_text(encoding="utf-8") for name in ("plain", "named")}
    assert "<title>Thoracic lymph node stations: Tumor board 3</title>" in told["plain"]
    assert "<title>Thoracic lymph node stations: Test, Patient (PID-42)</title>" in told["named"]
    written = json.loads((tmp_path / "named" / "assessment.json").read_text(encoding="utf-8"))["case"]
    assert (written["case_id"], written["patient"]["patient_id"]) == ("Tumor board 3", "PID-42")
    assert not [secret for secret in ("Test", "PID-42") if secret in told["plain"]]


@pytest.mark.parametrize(
    ("method", "params", "code", "words"),
    [
        ("assess", {"case": "unknown"}, 4, "load it first"),
        ("assess", {}, -32602, "case: Field required"),
        ("assess", {"case": "a", "colour": "red"}, -32602, "colour: Extra inputs"),
        ("assess", {"case": "a", "settings": {"working_spacing_mm": 0}}, -32602, "settings.working_spacing_mm"),
        ("assess", {"case": "a", "settings": {"nodes": "magic"}}, 1, "no method 'magic' for nodes"),
        ("stage", {"case": "a", "calls": {"4Q": "positive"}}, -32602, "no station '4Q'"),
        ("stage", {"case": "a", "calls": {"4R": None}}, -32602, "calls.4R"),
        ("report", {"case": "a", "folder": "relative", "formats": ["json"]}, 1, "whole path"),
        ("report", {"case": "a", "folder": "/nowhere", "formats": ["doc"]}, -32602, "formats.0"),
        ("sample", {"name": "lung-n7", "folder": "/nowhere"}, -32602, "name"),
        ("reassess", {"case": "a", "stations": {"4R": {"path": "../secret"}}}, -32602, "lacks dtype"),
    ],
)
def test_wrong_requests_are_answered_with_what_is_wrong(
    client: Client, method: str, params: dict[str, Any], code: int, words: str
) -> None:
    failure = client.failure(method, params)
    assert failure.code == code
    assert words in failure.message


def test_volumes_that_cannot_be_used_are_refused_and_the_case_stays(client: Client) -> None:
    good = box_of(client, "7", 0.5)
    before = client.result("reassess", {"case": "a", "stations": {}})["assessment"]["stations"]
    truncated = box_of(client, "5", 1.0)
    (client.folder / truncated["path"]).write_bytes(b"\1")
    wrong = {
        "leaves the private folder": good | {"path": "../ct.raw"},
        "bytes where": truncated,
        "cannot be transferred": good | {"dtype": "float64"},
        "not a rotation": good | {"direction": [0.0] * 9},
    }
    for words, volume in wrong.items():
        failure = client.failure("reassess", {"case": "a", "stations": {"7": volume}})
        assert failure.code == messages.ErrorCode.INVALID_PARAMS
        assert words in failure.message
    moved = good | {"origin_mm": [n + 0.9 for n in good["origin_mm"]]}
    failure = client.failure("reassess", {"case": "a", "stations": {"7": moved}})
    assert failure.code == messages.ErrorCode.INPUT_ERROR
    assert failure.data == {"type": "GeometryError"}
    assert client.result("reassess", {"case": "a", "stations": {}})["assessment"]["stations"] == before


def test_images_that_are_no_case_are_refused_with_one_sentence(client: Client) -> None:
    params = load_params(client, "b")
    no_unit = client.failure("load_case", params | {"pet_unit": None})
    assert no_unit.code == messages.ErrorCode.INPUT_ERROR
    assert "set its unit to SUVbw" in no_unit.message
    organ = client.failure("load_case", params | {"organs": {"flux capacitor": params["tumor"]}})
    assert "no organ 'flux capacitor'" in organ.message
    not_ct = client.failure("load_case", params | {"ct": params["pet"]})
    assert "CT" in not_ct.message
    assert client.failure("assess", {"case": "b"}).code == messages.ErrorCode.UNKNOWN_CASE


def test_pet_from_dicom_files_is_suv_by_the_librarys_own_reader(client: Client, tmp_path: Path) -> None:
    ct = chest()
    counts = sitk.Cast(sitk.Resample(ct, ct), sitk.sitkFloat32)
    values = np.clip(sitk.GetArrayFromImage(counts) + 1000, 0, 1100).astype(np.float32) * 10
    pet = like(values, ct)
    folder = tmp_path / "Mustermann"
    write_series(folder, pet, "PT", tags=pet_tags())
    files = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    params = {"case": "d", "ct": client.volume("ct-d.raw", ct), "pet": {"dicom_files": files}}
    answer = client.answer(client.ask("load_case", params))
    assert answer.failure is None, answer.failure
    missing = client.failure("load_case", params | {"pet": {"dicom_files": [str(tmp_path / "none.dcm")]}})
    assert missing.code == messages.ErrorCode.INPUT_ERROR
    assert not [line for line in client.log if "Mustermann" in line]
    client.result("release_case", {"case": "d"})


def test_a_cancelled_assessment_leaves_the_earlier_answer(client: Client) -> None:
    number = client.ask("assess", {"case": "a", "settings": {"nodes": "none"}})
    client.wait_for_progress(number)
    client.send(messages.notification("cancel", {"id": number}))
    failure = client.answer(number).failure
    assert failure is not None
    assert failure.code == messages.ErrorCode.CANCELLED
    after = client.result("reassess", {"case": "a", "stations": {}})["assessment"]
    assert after["case"]["nodes_from"] == "supplied"


def test_the_end_of_input_in_mid_run_ends_the_worker(tmp_path: Path) -> None:
    with Client(tmp_path / "private") as worker:
        worker.result("load_case", load_params(worker))
        worker.wait_for_progress(worker.ask("assess", {"case": "a"}))
        assert worker.end() == 0


@pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")
def test_a_killed_worker_closes_its_streams(tmp_path: Path) -> None:
    with Client(tmp_path / "private") as worker:
        worker.result("hello")
        worker.process.send_signal(signal.SIGKILL)
        assert worker.process.wait() == -signal.SIGKILL


def test_nothing_that_prints_can_break_into_the_protocol(tmp_path: Path) -> None:
    with Client(tmp_path / "private", PRINTING) as worker:
        assert worker.result("devices") == {"devices": []}
        assert worker.result("hello")["protocol"] == 1
        assert worker.end() == 0
    log = "".join(worker.log)
    for printed in ("a stray print", "a stray write", "another", "a child process"):
        assert printed in log


def test_running_out_of_memory_is_an_answer_and_not_the_end(tmp_path: Path) -> None:
    with Client(tmp_path / "private", HUNGRY) as worker:
        assert worker.failure("devices").code == messages.ErrorCode.OUT_OF_MEMORY
        assert worker.result("hello")["protocol"] == 1


def test_the_devices_name_the_cpu(client: Client) -> None:
    devices = client.result("devices")["devices"]
    assert devices[0]["name"] == "cpu"
    assert re.fullmatch(r"CPU, \d+ threads?", devices[0]["title"])


def test_every_method_of_the_worker_can_be_called_by_name(tmp_path: Path) -> None:
    assert {*Methods(tmp_path).by_name(), "hello", "shutdown"} == set(METHODS)


def test_the_columns_are_plain_data_with_title_unit_digits_and_meaning(client: Client) -> None:
    columns = client.result("columns")
    assert set(columns) == {"stations", "nodes", "reader_calls", "edits"}
    volume = next(column for column in columns["stations"] if column["key"] == "volume_ml")
    assert (volume["title"], volume["unit"], volume["digits"], volume["path"]) == ("Volume", "ml", 1, ["volume_ml"])
    assert volume["meaning"] == "Volume of the station. Empty: the station was not found."
    station = first(client)["assessment"]["stations"][0]
    assert all(column["path"][0] in station for column in columns["stations"])


def test_a_sample_patient_is_made_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def coarse(name: str, out: Path) -> Path:
        """The real one takes long; this is a sample patient in few voxels."""
        asked.append(name)
        write_case(replace(patient(), pet=None), out / "cases" / name)
        return out / "cases" / name

    monkeypatch.setattr(samples, "write_sample", coarse)
    method = Methods(tmp_path).by_name()["sample"]
    made = method({"name": "lung-n2", "folder": str(tmp_path / "samples")}, silent)
    assert asked == ["lung-n2"]
    for part in ("ct", "nodes", "tumor"):
        assert Path(made[part]).is_file()
    assert Path(made["organs"]).is_dir()
    assert made["pet"] is None
    assert made["facts"]["synthetic"] is True
    assert Path(made["folder"]) == tmp_path / "samples" / "cases" / "lung-n2"


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_a_folder_that_others_can_read_or_that_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    for name, words in (("open", "mode 0700"), ("missing", "no such folder")):
        command = [sys.executable, "-m", "LNStationLib.worker", "--folder", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 2
        assert words in done.stderr
        assert str(tmp_path) not in done.stderr


def _matches(expected: Any, actual: Any) -> bool:
    if expected == "...":
        return True
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(_matches(expected[key], actual[key]) for key in expected)
    return bool(expected == actual)


def test_the_exchange_in_the_document_takes_place_as_written(repository: Path, tmp_path: Path) -> None:
    text = (repository / "docs" / "worker.md").read_text(encoding="utf-8")
    lines = re.findall(r"^([<>]) (\{.*\})$", text, flags=re.MULTILINE)
    assert len(lines) > 8
    with Client(tmp_path / "private") as worker:
        for direction, line in lines:
            if direction == ">":
                worker.send(line.encode() + b"\n")
                continue
            expected = json.loads(re.sub(r"(?<=[:,\[ ])\.\.\.(?=[,}\]])", '"..."', line))
            answer = worker.answer(expected["id"])
            failure = answer.failure
            actual: dict[str, Any] = {"jsonrpc": "2.0", "id": answer.request_id}
            if failure is None:
                actual["result"] = answer.result
            else:
                actual["error"] = {"code": failure.code, "message": failure.message}
                actual["error"] |= {"data": failure.data} if failure.data else {}
            assert _matches(expected, actual), (expected, actual)
