"""Fetch from an archive and store in it: a stand-in that fails on request, and Orthanc where it is installed."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from dicom_tools import dicomweb_plugin, missing_system_packages, program
from export.dicom.results import STUDY, ct_of, exported, results, write_ct
from export.dicom.web_archive import WebArchive, serving
from imaging.enhanced_samples import Layout, write_enhanced_ct
from imaging.samples import change
from pydicom import dcmread
from pydicom.uid import EncapsulatedPDFStorage
from typer.testing import CliRunner

from LNStationLib.cli import app as cli
from LNStationLib.cli import from_archive
from LNStationLib.cli.assessing import Plan
from LNStationLib.export.dicom.archive import Archive
from LNStationLib.export.dicom.archive_access import archive_access
from LNStationLib.export.dicom.source import read_source
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent

UID = STUDY["StudyInstanceUID"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with its objects."""
    made = tmp_path_factory.mktemp("study")
    exported(made, results())
    return made


@pytest.fixture
def archive(folder: Path) -> Iterator[WebArchive]:
    with serving(WebArchive().add(folder / "ct")) as running:
        yield running


def client(archive: WebArchive | str, **options: object) -> Archive:
    url = archive if isinstance(archive, str) else archive.url
    return Archive(archive_access(url, environment={}, **options))  # type: ignore[arg-type]


def objects(folder: Path) -> list[Path]:
    return sorted((folder / "dicom").iterdir())


def check_fetched(archive: Archive, folder: Path, tmp_path: Path) -> None:
    fetched = archive.fetch(UID, tmp_path, pytest.fail)
    given, read = (read_series(path, "CT", "CT", pytest.fail) for path in (folder / "ct", fetched.ct))
    np.testing.assert_array_equal(array_view(read.image), array_view(given.image))
    assert [one.SOPInstanceUID for one in read.headers] == [one.SOPInstanceUID for one in given.headers]
    assert fetched.pet is None


def test_a_study_is_fetched_as_it_is(archive: WebArchive, folder: Path, tmp_path: Path) -> None:
    check_fetched(client(archive), folder, tmp_path)


def test_objects_are_stored_as_they_are(archive: WebArchive, folder: Path) -> None:
    before = len(archive.files)
    client(archive).store(objects(folder))
    stored = {one.SOPInstanceUID for one in archive.headers[before:]}
    assert stored == {dcmread(path).SOPInstanceUID for path in objects(folder)}


@pytest.mark.parametrize("with_length", [True, False])
def test_an_archive_that_breaks_off_is_said_to(with_length: bool, archive: WebArchive, tmp_path: Path) -> None:
    archive.break_at, archive.with_length = 0.6, with_length
    with pytest.raises(InputError, match=r"broke off \(.*nothing was kept\)"):
        client(archive).fetch(UID, tmp_path, pytest.fail)


def test_an_archive_that_breaks_off_while_it_stores_has_nothing(archive: WebArchive, folder: Path) -> None:
    before = len(archive.files)
    archive.break_stores = True
    with pytest.raises(InputError, match=r"broke off \(nothing was stored\)"):
        client(archive).store(objects(folder))
    assert len(archive.files) == before
    assert len(objects(folder)) == 5, "the files are kept"


def test_refused_objects_are_named(archive: WebArchive, folder: Path) -> None:
    archive.refused = (EncapsulatedPDFStorage,)
    with pytest.raises(InputError, match=r"refused 1 of 5 objects \(report_pdf.dcm\)"):
        client(archive).store(objects(folder))


def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InputError, match="does not answer"):
        client(url).fetch(UID, tmp_path, pytest.fail)


def test_a_token_opens_the_archive_and_is_never_shown(archive: WebArchive, folder: Path, tmp_path: Path) -> None:
    archive.token = "s3cret"
    with pytest.raises(InputError, match="wants a token or password"):
        client(archive).fetch(UID, tmp_path / "none", pytest.fail)
    (tmp_path / "token").write_text("s3cret\n")
    access = archive_access(archive.url, token_file=tmp_path / "token", environment={})
    assert "s3cret" not in repr(access)
    (tmp_path / "study").mkdir()
    check_fetched(Archive(access), folder, tmp_path / "study")
    from_environment = archive_access(archive.url, environment={"LNSTATION_DICOMWEB_TOKEN": "s3cret"})
    assert from_environment.token == "s3cret"


@pytest.mark.parametrize(
    ("url", "environment", "words"),
    [
        ("https://me:pw@archive/dicom-web", {}, "holds a user or password"),
        ("archive/dicom-web", {}, "must begin with https://"),
        ("http://archive/dicom-web", {"LNSTATION_DICOMWEB_TOKEN": "x"}, "in plain text"),
        (
            "http://archive/dicom-web",
            {"LNSTATION_DICOMWEB_USER": "u", "LNSTATION_DICOMWEB_PASSWORD": "p"},
            "in plain text",
        ),
    ],
)
def test_secrets_stay_secret(url: str, environment: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        archive_access(url, environment=environment)
    assert "pw" not in str(refused.value)


def test_missing_files_of_tls_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--ca: there is no file"):
        archive_access("https://archive", ca=tmp_path / "none.pem", environment={})


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this computer's loopback, signed by itself, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path / "own.pem"
    asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    asked += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(tmp_path / "certificate")]
    subprocess.run(["openssl", *asked], check=True, capture_output=True)
    with path.open("a") as file:
        file.write((tmp_path / "certificate").read_text())
    return path


def test_a_certificate_must_be_trusted(certificate: Path, folder: Path, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    (tmp_path / "study").mkdir()
    with serving(WebArchive().add(folder / "ct"), context) as running:
        with pytest.raises(InputError, match=r"certificate of 127.0.0.1 is not trusted .*--ca"):
            client(running).fetch(UID, tmp_path / "none", pytest.fail)
        check_fetched(client(running, ca=certificate), folder, tmp_path / "study")


def test_the_command_fetches_into_a_folder_that_goes_away_and_stores(
    archive: WebArchive, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}

    def run(loading: Callable[[Progress], object], settings: object, plan: Plan) -> list[Path]:
        request = loading(silent)
        seen.update(request=request, plan=plan, images=len(list(request["ct"].iterdir())))
        return objects(folder)

    monkeypatch.setattr(from_archive, "run_assessment", run)
    monkeypatch.setattr(from_archive, "load", lambda case_folder, given, progress: given)
    monkeypatch.delenv("LNSTATION_DICOMWEB_TOKEN", raising=False)
    before = len(archive.files)
    command = ["assess", "--dicomweb", archive.url, "--study", UID, "--store", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    assert seen["images"] == before
    assert seen["plan"].dicom
    assert UID not in seen["request"]["case_id"]
    assert not seen["request"]["ct"].parent.exists()
    assert len(archive.files) == before + 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dicomweb", "https://archive"], "give --study UID"),
        (["--dicomweb", "https://archive", "--study", "1.2", "--ct", "ct"], "give no --ct"),
        (["--ct", "ct", "--store"], "give --dicomweb URL"),
        (["--dicomweb", "https://me:pw@archive", "--study", "1.2"], "holds a user or password"),
    ],
)
def test_the_command_says_what_does_not_go_together(options: list[str], words: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["assess", *options, "--out", str(tmp_path / "out")])
    assert (done.exit_code, done.output.count("Error:")) == (2, 1)
    assert words in done.output
    assert not (tmp_path / "out").exists()


def test_no_study_and_several_series_are_told_apart(archive: WebArchive, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such study"):
        client(archive).fetch("1.2.3", tmp_path, pytest.fail)
    with pytest.raises(InputError, match="is not a UID"):
        client(archive).fetch("patient 7", tmp_path, pytest.fail)
    write_ct(tmp_path / "other", results())
    archive.add(tmp_path / "other")
    with pytest.raises(InputError, match="several CT series: choose one with --series UID"):
        client(archive).fetch(UID, tmp_path, pytest.fail)
    series = dcmread(next((folder / "ct").iterdir())).SeriesInstanceUID
    (tmp_path / "one").mkdir()
    fetched = client(archive).fetch(UID, tmp_path / "one", pytest.fail, series)
    assert {dcmread(path).SeriesInstanceUID for path in fetched.ct.iterdir()} == {series}


def enhanced(folder: Path, tmp_path: Path, parts: int = 2) -> Path:
    """The study's CT as enhanced files."""
    write_enhanced_ct(tmp_path / "enhanced", sorted((folder / "ct").iterdir()), Layout(parts=parts))
    return tmp_path / "enhanced"


def check_enhanced(archive: Archive, uid: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "got").mkdir()
    fetched = archive.fetch(uid, tmp_path / "got", pytest.fail)
    given, read = (read_series(path, "CT", "CT", pytest.fail) for path in (folder / "ct", fetched.ct))
    np.testing.assert_array_equal(array_view(read.image), array_view(given.image))


def test_a_ct_of_few_enhanced_files_is_a_ct(folder: Path, tmp_path: Path) -> None:
    with serving(WebArchive().add(enhanced(folder, tmp_path))) as running:
        check_enhanced(client(running), UID, folder, tmp_path)


def test_a_scout_of_few_files_is_none(folder: Path, tmp_path: Path) -> None:
    for file in sorted((folder / "ct").iterdir())[:3]:
        (tmp_path / "scout").mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / "scout")
    with (
        serving(WebArchive().add(tmp_path / "scout")) as running,
        pytest.raises(InputError, match=r"no CT series of at least 10 images; it holds .*\(3 images"),
    ):
        client(running).fetch(UID, tmp_path, pytest.fail)


def test_a_study_with_two_patients_is_refused_when_it_is_read(folder: Path, tmp_path: Path) -> None:
    ct = write_ct(tmp_path / "ct", results())
    change(sorted(ct.iterdir())[3], PatientID="SOMEBODY-ELSE")
    (tmp_path / "got").mkdir()
    with serving(WebArchive().add(ct)) as running:
        fetched = client(running).fetch(UID, tmp_path / "got", pytest.fail)
    with pytest.raises(InputError, match="several patients"):
        read_source(fetched.ct, pytest.fail)


# Orthanc


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if missing_system_packages():
        pytest.skip(f"not installed: {' '.join(missing_system_packages())} (python3 run.py test installs them)")
    place = tmp_path_factory.mktemp("orthanc")
    with socket.socket() as http, socket.socket() as dicom:
        for one in (http, dicom):
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in (http, dicom)]
    settings = {
        "HttpPort": ports[0],
        "DicomPort": ports[1],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageDirectory": str(place / "db"),
        "IndexDirectory": str(place / "db"),
        "Plugins": [str(dicomweb_plugin())],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (place / "orthanc.json").write_text(json.dumps(settings))
    with (place / "log").open("w") as log:
        command = [str(program("Orthanc")), str(place / "orthanc.json")]
        running = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield _when_ready(f"http://127.0.0.1:{ports[0]}", running, place / "log")
        finally:
            running.terminate()
            running.wait(20)


def _when_ready(url: str, running: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        assert running.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/system", timeout=1):
                return f"{url}/dicom-web"
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_orthanc_stores_and_returns_everything(orthanc: str, folder: Path, tmp_path: Path) -> None:
    archive = client(orthanc)
    archive.store(sorted((folder / "ct").iterdir()))
    archive.store(objects(folder))
    check_fetched(archive, folder, tmp_path)
    for path in objects(folder):
        sent = dcmread(path)
        names = (sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
        came = archive._client.retrieve_instance(*names)
        assert came.SOPClassUID == sent.SOPClassUID
        for keyword in ("PixelData", "EncapsulatedDocument", "ContentSequence", "ROIContourSequence"):
            assert came.get(keyword) == sent.get(keyword), (path.name, keyword)
    assert ct_of(results()).GetSize() == read_source(tmp_path / "ct", pytest.fail).grid.GetSize()


def test_orthanc_returns_an_enhanced_ct(orthanc: str, folder: Path, tmp_path: Path) -> None:
    archive, files = client(orthanc), sorted(enhanced(folder, tmp_path, parts=1).iterdir())
    uid = f"{UID}.2"
    for file in files:
        change(file, StudyInstanceUID=uid, SeriesInstanceUID=f"{UID}.3")
    archive.store(files)
    check_enhanced(archive, uid, folder, tmp_path)
