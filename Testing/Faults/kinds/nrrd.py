"""NRRD and MetaImage: lines of a text header, data files that it names, segments, encodings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from Testing.Faults.draws import TEXTS, damage_bytes, number, pick
from Testing.Faults.kinds import chest

_VALUES: dict[str, tuple[str, ...]] = {
    "type": ("double", "unsigned char", "block", "complex", "uint64", "short", "bool", ""),
    "dimension": ("0", "1", "2", "4", "5", "16", "17", "-3", "3.5", "99999999999"),
    "sizes": ("0 0 0", "-1 23 14", "100000 100000 100000", "30 23", "30 23 14 1", "2147483647 2 2", "a b c", "1 1 1"),
    "encoding": ("gzip", "bzip2", "hex", "ascii", "raw", "zrl", ""),
    "endian": ("big", "little", "middle"),
    "space": ("left-posterior-superior", "RAS", "scanner-xyz", "3D-right-handed", "", "left-posterior-superior-time"),
    "space directions": (
        "(0,0,0) (0,0,0) (0,0,0)", "(nan,0,0) (0,12,0) (0,0,15)", "none (0,12,0) (0,0,15)", "(12,0,0)",
        "(1e308,0,0) (0,1e308,0) (0,0,1e308)", "(12,12,0) (0,12,0) (0,0,15)", "(12,0) (0,12) (0,15)", "(",
    ),
    "space origin": ("(nan,0,0)", "(inf,inf,inf)", "(0,0)", "(1e300,0,0)", "0 0 0", ""),
    "kinds": ("domain domain domain", "list domain domain", "vector", "RGB-color domain domain", "none none none"),
    "data file": ("/etc/passwd", "../../../../etc/passwd", "/dev/zero", "LIST", "x%03d.raw 1 14 1", ".", "LOCAL"),
    "byte skip": ("-1", "-2", "1", "99999999999", "x"), "line skip": ("1", "-1", "99999999"),
    "Segment0_ID": TEXTS, "Segment0_Name": TEXTS, "Segment0_LabelValue": ("1", "-1", "7", "a", "1e9", ""),
    "Segment0_Layer": ("0", "9", "-1", "x"), "Segment0_Extent": ("0 1 0 1 0 1", "9 1", ""),
    "Segment1_LabelValue": ("2", "1", "x"), "Segment1_Name": TEXTS, "Segment1_ID": TEXTS,
    "ElementSpacing": ("0 0 0", "-1 -1 -1", "nan 1 1", "1", "a b c", "1e308 1 1"),
    "DimSize": ("0 0 0", "100000 100000 100000", "-1 2 3", "30 23", "x"), "NDims": ("2", "4", "0", "99", "-1", "x"),
    "ElementType": ("MET_DOUBLE", "MET_STRING", "MET_OTHER", "MET_LONG_LONG", ""),
    "ElementDataFile": ("/etc/passwd", "../x.raw", "LIST", "LOCAL", "x%03d.raw 1 14 1", ""),
    "CompressedData": ("True", "False", "x"), "TransformMatrix": ("0 0 0 0 0 0 0 0 0", "nan", "1 0 0 0 1 0 0 0"),
    "ElementNumberOfChannels": ("3", "0", "-1", "100000"), "BinaryDataByteOrderMSB": ("True", "x"),
}  # fmt: skip


class Nrrd:
    """NRRD and MetaImage files in every role."""

    name = "nrrd"
    title = "NRRD and MetaImage"
    limit_s = 15.0
    refusals = ()

    def warm_up(self) -> None:
        """Nothing more than this file imports."""

    def prepare(self, originals: Path) -> None:
        """One image a role, in both formats."""
        for suffix in (".nrrd", ".mha"):
            chest.write_images(originals, suffix)

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Change the file of one role."""
        role, suffix = chest.draw_role(rng), pick(rng, (".nrrd", ".nrrd", ".nrrd", ".mha"))
        (folder / "ct.nrrd").write_bytes((originals / "ct.nrrd").read_bytes())
        raw, words = (originals / f"{role}{suffix}").read_bytes(), [role, suffix]
        for _ in range(int(rng.integers(1, 4))):
            said, raw = _change_line(rng, raw, suffix)
            words.append(said)
        if rng.random() < 0.25:
            said, raw = damage_bytes(rng, raw)
            words.append(said)
        if role == "ct":
            (folder / "ct.nrrd").unlink()
        (folder / f"{role}{suffix}").write_bytes(raw)
        return "; ".join(words)

    def read(self, folder: Path, out: Path) -> str:
        """As a case."""
        return chest.loaded(chest.request(folder, chest.role_of(folder)))


def _change_line(rng: np.random.Generator, raw: bytes, suffix: str) -> tuple[str, bytes]:
    """One line of the header replaced, added, taken out or given twice."""
    end = raw.find(b"\n\n") + 1 if suffix == ".nrrd" else raw.find(b"\n", raw.find(b"ElementDataFile")) + 1
    if end < 10:
        return damage_bytes(rng, raw)
    lines, rest = raw[:end].split(b"\n")[:-1], raw[end:]
    at, way = int(rng.integers(1, max(2, len(lines)))), rng.random()
    if way < 0.12 and at < len(lines):
        gone = lines.pop(at)
        return f"without {gone!r:.60}", b"\n".join(lines) + b"\n" + rest
    line = _line(rng, suffix)
    key = line.split(b":" if suffix == ".nrrd" else b"=")[0]
    same = [i for i, one in enumerate(lines) if one.startswith(key)]
    if same and way < 0.8:
        lines[same[0]] = line
    else:
        lines.insert(at, line)
    return f"{line!r:.70}", b"\n".join(lines) + b"\n" + rest


def _line(rng: np.random.Generator, suffix: str) -> bytes:
    meta = suffix == ".mha"
    names = [name for name in _VALUES if meta == (name[0].isupper() and not name.startswith("Segment"))]
    name = pick(rng, names)
    value = pick(rng, _VALUES[name]) if rng.random() < 0.85 else f"{number(rng):g} {number(rng):g} {number(rng):g}"
    sign = " = " if meta else ":=" if name.startswith("Segment") else ": "
    return f"{name}{sign}{value}".encode("utf-8", "replace").replace(b"\n", b" ")
