"""Archives unpacked: whole or not at all, and never outside the folder."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from lnstation_training.public_data import archives
from lnstation_training.public_data.archives import unpack
from LNStationLib.support.errors import InputError, OutputError


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def file(name: str, size: int = 3) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def zip_link(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("link")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    return path


def test_files_land_where_their_names_say(tmp_path: Path) -> None:
    assert unpack(zipped(tmp_path / "a.zip", **{"A/b.txt": b"one", "c.txt": b"two"}), tmp_path / "zip") == 2
    assert (tmp_path / "zip" / "A" / "b.txt").read_bytes() == b"one"
    assert unpack(tarred(tmp_path / "a.tar.gz", file("A/b.txt"), file("c.txt")), tmp_path / "tar") == 2
    assert (tmp_path / "tar" / "A" / "b.txt").read_bytes() == b"xxx"


OUTSIDE = ["../evil.txt", "/evil.txt", "A/../../evil.txt", "C:\\evil.txt", "..\\evil.txt", "C:evil.txt"]


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_member_that_would_leave_the_folder_refuses_the_archive(tmp_path: Path, kind: str, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    if kind == "zip":
        archive = zipped(inner / "a.zip", **{"good.txt": b"one", name: b"evil"})
    else:
        archive = tarred(inner / "a.tar.gz", file("good.txt"), file(name))
    with pytest.raises(InputError, match="would be written outside the folder"):
        unpack(archive, inner / "out")
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["inner", archive.name])


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    device = tarfile.TarInfo("device")
    device.type = tarfile.CHRTYPE
    for archive in (
        tarred(tmp_path / "a.tar", link("A", "/etc"), file("A/passwd")),
        tarred(tmp_path / "b.tar", device),
        zip_link(tmp_path / "c.zip"),
    ):
        with pytest.raises(InputError, match="is a link or a device"):
            unpack(archive, tmp_path / "out")


def test_a_damaged_archive_leaves_nothing(tmp_path: Path) -> None:
    good = zipped(tmp_path / "a.zip", **{"a.txt": bytes(range(256)) * 40})
    content = bytearray(good.read_bytes())
    content[60] ^= 0xFF
    good.write_bytes(content)
    (tmp_path / "b.zip").write_bytes(b"no archive")
    for name in ("a.zip", "b.zip"):
        with pytest.raises(InputError, match="damaged or no zip or tar archive: download it again"):
            unpack(tmp_path / name, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "b.zip"}


def test_a_folder_that_is_there_and_a_full_disk_are_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(tmp_path / "a.zip", **{"a.txt": b"one"})
    with pytest.raises(OutputError, match="exists: choose another folder"):
        unpack(archive, tmp_path)
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(OutputError, match=r"unpacking takes 0\.0 GB and 0\.0 GB are free"):
        unpack(archive, tmp_path / "out")
