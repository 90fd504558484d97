"""Model packages: written, read back, and refused where they are not what they say."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from models.packages import REGION, manifest, section, tiny_network, write_tiny  # noqa: E402
from pydantic import ValidationError  # noqa: E402

from LNStationLib.models.package import (  # noqa: E402
    PackageError,
    WeightsFile,
    read_package,
    reading,
)
from LNStationLib.support.errors import OutputError  # noqa: E402

WEIGHTS = {"classifier": WeightsFile(sha256="0" * 64, n_bytes=1)}


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("package") / "tiny.zip"
    write_tiny(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def as_folder(folder: Path, members: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in members.items():
        (folder / name).write_bytes(content)
    return folder


def as_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def edited(members: dict[str, bytes], change: Callable[[dict], object]) -> dict[str, bytes]:
    card = json.loads(members["model.json"])
    change(card)
    return {**members, "model.json": json.dumps(card).encode()}


def test_a_package_read_back_has_the_same_bits_and_gives_the_same_answer(tmp_path: Path) -> None:
    card = write_tiny(tmp_path / "tiny.zip")
    package = read_package(tmp_path / "tiny.zip")
    region = torch.randn(2, 2, *REGION.size)
    back, written = package.network(), tiny_network().eval()
    assert all(torch.equal(value, back.state_dict()[key]) for key, value in written.state_dict().items())
    with torch.inference_mode():
        torch.testing.assert_close(back(region).logits, written(region).logits, rtol=1e-3, atol=1e-5)
    assert package.manifest == card


def test_half_precision_halves_the_file_and_moves_logits_little(tmp_path: Path) -> None:
    single = write_tiny(tmp_path / "single.zip")
    half = write_tiny(tmp_path / "half.zip", precision="float16")
    assert half.n_bytes < single.n_bytes * 0.6
    region = torch.randn(2, 2, *REGION.size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = [read_package(tmp_path / f"{name}.zip").network()(region).logits for name in ("single", "half")]
    torch.testing.assert_close(logits[0], logits[1], atol=2e-3, rtol=0)


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tiny(tmp_path / f"{name}.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_folder_and_a_zip_with_a_folder_around_it_are_read_too(tmp_path: Path, members: dict[str, bytes]) -> None:
    folder = as_folder(tmp_path / "tiny", members)
    wrapped = as_zip(tmp_path / "w.zip", {f"tiny/{name}": content for name, content in members.items()})
    assert read_package(folder).manifest == read_package(wrapped).manifest


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tiny.zip").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_tiny(tmp_path / "tiny.zip")
    assert (tmp_path / "tiny.zip").read_text() == "mine"


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OutputError, match="No space left"):
        write_tiny(tmp_path / "tiny.zip")
    assert list(tmp_path.iterdir()) == []


def test_calibration_and_operating_points() -> None:
    made = section()
    assert made.probability(0.5) == pytest.approx(0.5)
    assert made.probability(-2000.0) == 0
    assert made.probability(2000.0) == 1
    assert made.operating_point().name == "balanced"
    assert made.operating_point("sensitive").threshold == 0.1
    with pytest.raises(ValueError, match="no operating point 'x'; it has balanced, sensitive"):
        made.operating_point("x")
    assert section(calibration=None).probability(0.0) == 0.5


@pytest.mark.parametrize(
    "change",
    [
        {"package_id": "../up"},
        {"stations": ["4X"]},
        {"stations": []},
        {"operating_points": []},
        {"trained_on": "unknown"},
        {"surprise": 1},
        {"channels": ["ct", "ct"]},
        {"channels": ["pet"]},
        {"task": "node_detection"},
    ],
)
def test_a_faulty_card_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        manifest(WEIGHTS, **change)


def test_two_operating_points_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="same name"):
        section(operating_points=section().operating_points[:1] * 2)


def flip_last_byte(members: dict[str, bytes]) -> dict[str, bytes]:
    weights = members["weights.safetensors"]
    return {**members, "weights.safetensors": weights[:-1] + bytes([weights[-1] ^ 1])}


def truncated(members: dict[str, bytes]) -> dict[str, bytes]:
    return {**members, "weights.safetensors": members["weights.safetensors"][:-100]}


def with_weights(members: dict[str, bytes], weights: bytes) -> dict[str, bytes]:
    import hashlib

    digest = {"sha256": hashlib.sha256(weights).hexdigest(), "n_bytes": len(weights)}
    changed = edited(members, lambda card: card["networks"][0]["weights"].update(digest))
    return {**changed, "weights.safetensors": weights}


def pickled(members: dict[str, bytes]) -> dict[str, bytes]:
    return with_weights(members, pickle.dumps({"weight": [1.0]}))


def torch_saved(members: dict[str, bytes]) -> dict[str, bytes]:
    buffer = io.BytesIO()
    torch.save(tiny_network().state_dict(), buffer)
    return with_weights(members, buffer.getvalue())


def not_safetensors(members: dict[str, bytes]) -> dict[str, bytes]:
    return with_weights(members, struct.pack("<Q", 10**12) + b"{}" * 20)


PAGES = 5000
A_SENTENCE = 600
"""Letters, with the path of a temporary folder."""
FAULTS: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "tampered": (flip_last_byte, "hash"),
    "truncated": (truncated, "truncated or was replaced"),
    "pickled": (pickled, "pickles can run code"),
    "pickled by torch": (torch_saved, "pickles can run code"),
    "not safetensors": (not_safetensors, "not a safetensors file"),
    "foreign": (lambda m: {**m, "model.json": b'{"name": "bundle"}'}, "not an LNStation model package"),
    "not JSON": (lambda m: {**m, "model.json": b"\xff\xfe"}, "is not JSON"),
    "deeply nested": (lambda m: {**m, "model.json": b"[" * 90_000}, "is not JSON"),
    "no weights": (lambda m: {"model.json": m["model.json"]}, "weights.safetensors is missing"),
    "unknown network": (lambda m: edited(m, lambda c: c["networks"][0].update(name="os.system")), "unknown network"),
    "later schema": (lambda m: edited(m, lambda c: c.update(schema_version="9")), "schema_version"),
    "a schema version of pages": (
        lambda m: edited(m, lambda c: c.update(schema_version="9" * PAGES)),
        "schema_version",
    ),
    "a task of pages": (lambda m: edited(m, lambda c: c.update(task="x" * PAGES)), "unknown task"),
    "a network of pages": (
        lambda m: edited(m, lambda c: c["networks"][0].update(name="x" * PAGES)),
        "unknown network",
    ),
    "unknown task": (
        lambda m: edited(m, lambda c: c.update(task="staging")),
        "unknown task 'staging'; known: station",
    ),
    "two channels of one name": (
        lambda m: edited(m, lambda c: c["section"].update(channels=["ct", "ct"])),
        "section.channels: .*named twice",
    ),
    "a region of a later version": (
        lambda m: edited(m, lambda c: c["section"]["region"].update(shape="round")),
        "which this version of LNStation does not know; update LNStation",
    ),
    "other weights file": (
        lambda m: edited(m, lambda c: c["networks"][0]["weights"].update(file="../x")),
        "weights.file",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_faulty_package_is_refused_with_one_sentence(
    fault: str, form: str, tmp_path: Path, members: dict[str, bytes]
) -> None:
    change, words = FAULTS[fault]
    make = as_folder if form == "folder" else as_zip
    path = make(tmp_path / "faulty", change(members))
    with pytest.raises(PackageError, match=words) as caught:
        read_package(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < A_SENTENCE


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0.2},
        {"width": -1},
        {"width": 1e21},
        {"width": "wide"},
        {"n_experts": 2},
        {"colour": 1},
        {"colour" * PAGES: 1},
    ],
)
def test_weights_that_do_not_fit_the_network_are_refused(
    change: dict[str, object], tmp_path: Path, members: dict[str, bytes]
) -> None:
    folder = as_folder(tmp_path / "p", edited(members, lambda card: card["networks"][0]["arguments"].update(change)))
    with pytest.raises(PackageError, match="cannot be used") as caught:
        read_package(folder).network()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < A_SENTENCE


def test_a_network_that_asks_for_all_memory_is_refused_before_it_gets_any(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    change = edited(members, lambda card: card["networks"][0]["arguments"].update(width=10_000.0))
    with pytest.raises(PackageError, match="has shape"):
        read_package(as_folder(tmp_path / "p", change)).network()


def test_weights_with_nan_are_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    from safetensors.torch import save

    state = tiny_network().state_dict()
    state["head.3.bias"] = torch.tensor([float("nan")])
    folder = as_folder(tmp_path / "p", with_weights(members, save(state)))
    with pytest.raises(PackageError, match="NaN or infinity"):
        read_package(folder).network()


@pytest.mark.parametrize("name", ["../model.json", "/model.json", "a/../../x", "C:\\x", "setup.py", "sub/model.json"])
def test_a_zip_with_an_entry_that_does_not_belong_is_refused(
    name: str, tmp_path: Path, members: dict[str, bytes]
) -> None:
    path = as_zip(tmp_path / "p.zip", {**members, name: b"x"})
    with pytest.raises(PackageError, match="refused"):
        read_package(path)


def test_a_zip_with_a_link_is_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    path = as_zip(tmp_path / "p.zip", {"model.json": members["model.json"]})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("weights.safetensors")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PackageError, match="is a link"):
        read_package(path)


def test_a_folder_with_a_link_is_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    folder = as_folder(tmp_path / "p", {"model.json": members["model.json"]})
    (tmp_path / "elsewhere").write_bytes(members["weights.safetensors"])
    (folder / "weights.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PackageError, match=r"weights\.safetensors is missing"):
        read_package(folder)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_an_oversized_package_is_refused(
    form: str, tmp_path: Path, members: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_WEIGHTS_BYTES", 1000)
    path = (as_folder if form == "folder" else as_zip)(tmp_path / "p", members)
    with pytest.raises(PackageError, match="larger than"):
        read_package(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, members: dict[str, bytes]) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.safetensors", members["weights.safetensors"])
        archive.writestr("model.json", b" " * (reading.MAX_MANIFEST_BYTES + 1))
    with pytest.raises(PackageError, match="larger than 1 MB"):
        read_package(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text"])
def test_what_is_no_zip_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(content)
    with pytest.raises(PackageError, match="neither a folder nor a zip"):
        read_package(path)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="There is no model package at"):
        read_package(tmp_path / "none.zip")


# What fault injection (Testing/Faults) broke the reader with


def test_weights_that_only_begin_like_safetensors_are_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    broken = with_weights(members, struct.pack("<Q", 1) + members["weights.safetensors"][8:])
    package = read_package(as_folder(tmp_path / "tiny", broken))
    with pytest.raises(PackageError, match="not a safetensors file"):
        package.network()


def test_a_card_cannot_break_the_sentence_about_it(tmp_path: Path, members: dict[str, bytes]) -> None:
    changed = edited(members, lambda card: card["section"].update({"line\r\nnext": 1}))
    with pytest.raises(PackageError, match="cannot be used") as caught:
        read_package(as_folder(tmp_path / "tiny", changed))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_zip_whose_packing_is_damaged_is_refused(tmp_path: Path, members: dict[str, bytes], packing: int) -> None:
    path = tmp_path / "tiny.zip"
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("model.json", members["model.json"])
        archive.writestr("weights.safetensors", b"")
    raw = path.read_bytes()
    path.write_bytes(raw[:45] + bytes(60) + raw[105:])
    with pytest.raises(PackageError, match="damaged or unsupported zip"):
        read_package(path)


def test_a_zip_with_a_file_without_a_name_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "tiny.zip", "w") as archive:
        archive.writestr("/", b"")
        archive.writestr(zipfile.ZipInfo(""), b"x")
    with pytest.raises(PackageError):
        read_package(tmp_path / "tiny.zip")
