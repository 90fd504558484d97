"""Model and atlas packages: the card, the weights behind it, the zip around them; hashes agree again afterwards."""

from __future__ import annotations

import hashlib
import json
import pickle
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from LNStationLib.models.package import read_package
from LNStationLib.models.package.card import card
from Testing.Faults.draws import damage_bytes, damage_json, json_text, number, pick

_CARD, _WEIGHTS = "model.json", "weights.safetensors"
_ENTRIES = (
    "../evil.txt",
    "/etc/evil",
    "a/../../evil",
    "C:\\evil",
    "evil.pkl",
    "model.json",
    "x.safetensors",
    "README.md",
)


class _Opens:
    """What a pickle would do to whoever reads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("pickle-was-read", "w")


class Package:
    """Packages of a small network, as folder and as zip."""

    name = "package"
    title = "model package"
    limit_s = 30.0
    refusals = ()

    def warm_up(self) -> None:
        """torch takes seconds to import; nothing is computed with it here."""
        import torch  # noqa: F401

        import LNStationLib.networks.registry  # noqa: F401

    def prepare(self, originals: Path) -> None:
        """One package as a folder."""
        from models.packages import write_tiny

        write_tiny(originals / "tiny.zip")
        with zipfile.ZipFile(originals / "tiny.zip") as archive:
            archive.extractall(originals)

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Change the card, the weights or the zip."""
        files = {name: (originals / name).read_bytes() for name in (_CARD, _WEIGHTS)}
        said, weights = _changed_weights(rng, files[_WEIGHTS]) if rng.random() < 0.5 else ("", files[_WEIGHTS])
        content = json.loads(files[_CARD])
        content["networks"][0]["weights"] |= {"sha256": hashlib.sha256(weights).hexdigest(), "n_bytes": len(weights)}
        words = [said]
        if rng.random() < 0.6 or not said:
            said, content = damage_json(rng, content)
            words.append(said)
        files = {_CARD: json_text(rng, content), _WEIGHTS: weights}
        words.append(_write_folder(rng, files, folder) if rng.random() < 0.4 else _write_zip(rng, files, folder))
        return "; ".join(filter(None, words))

    def read(self, folder: Path, out: Path) -> str:
        """Verify it, show its card, build its network."""
        path = folder / "package.zip" if (folder / "package.zip").exists() else folder / "package"
        package = read_package(path)
        card(package.manifest, path, "folder")
        for entry in package.manifest.networks:
            package.network(entry.role)
        return f"package {package.manifest.package_id}"


def _changed_weights(rng: np.random.Generator, raw: bytes) -> tuple[str, bytes]:
    """The safetensors file: its header as JSON, the length before it, its numbers, or a pickle in its place."""
    (length,) = struct.unpack("<Q", raw[:8])
    header, rest = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    way = pick(rng, ("header", "header", "length", "numbers", "bytes", "pickle", "torch"))
    if way == "header":
        said, header = damage_json(rng, header)
        text = json_text(rng, header)
        return f"header {said}", struct.pack("<Q", len(text)) + text + rest
    if way == "length":
        length = int(pick(rng, (0, 1, length - 1, length + 1, len(raw), 2**31, 2**62, 2**64 - 1)))
        return f"header of {length} bytes", struct.pack("<Q", length) + raw[8:]
    if way == "numbers":
        numbers = np.frombuffer(rest, "<f4").copy()
        numbers[rng.integers(len(numbers), size=3)] = number(rng)
        return "other numbers", raw[: 8 + length] + numbers.tobytes()
    if way == "bytes":
        return damage_bytes(rng, raw)
    protocol = int(rng.integers(0, 6))
    return f"pickle of protocol {protocol}", pickle.dumps(_Opens(), protocol)


def _write_folder(rng: np.random.Generator, files: dict[str, bytes], folder: Path) -> str:
    place = folder / "package"
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)
    way = pick(rng, ("plain", "plain", "link", "missing", "folder", "stray pickle"))
    target = place / pick(rng, list(files))
    if way in ("link", "missing", "folder"):
        target.unlink()
    if way == "link":
        target.symlink_to("/etc/passwd")
    elif way == "folder":
        target.mkdir()
    elif way == "stray pickle":
        (place / "data.pkl").write_bytes(pickle.dumps(_Opens()))
    return f"folder, {way} {target.name if way in ('link', 'missing', 'folder') else ''}".strip()


def _write_zip(rng: np.random.Generator, files: dict[str, bytes], folder: Path) -> str:
    path, prefix = folder / "package.zip", pick(rng, ("", "", "tiny/", "../", "/"))
    way = pick(rng, ("plain", "entry", "link", "twice", "bomb", "bytes", "bytes"))
    with zipfile.ZipFile(
        path, "w", pick(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    ) as archive:
        for name, content in files.items():
            archive.writestr(prefix + name, content)
        _add(rng, archive, way, prefix)
    if way == "bytes":
        said, raw = damage_bytes(rng, path.read_bytes())
        path.write_bytes(raw)
        way = said
    return f"zip {prefix!r}, {way}"


def _add(rng: np.random.Generator, archive: zipfile.ZipFile, way: str, prefix: str) -> None:
    if way == "entry":
        archive.writestr(pick(rng, _ENTRIES), b"x")
    elif way == "link":
        info = zipfile.ZipInfo(prefix + "LICENSE")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    elif way == "twice":
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr(prefix + _CARD, b"{}")
    elif way == "bomb":
        archive.writestr(prefix + "README.md", bytes(50_000_000))
