"""DICOM series, and the objects that may come with them: attributes, value representations, syntax, raw bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

from LNStationLib.export.review_file import read_review
from Testing.Faults.draws import NUMBERS, TEXTS, damage_bytes, number, pick
from Testing.Faults.kinds import chest

_SYNTAXES = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5", "1.2.3", "",
)  # fmt: skip
_DEEPER = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
"""A Content Sequence of undefined length and in it an item of undefined length, neither of which ends."""
_OTHER_VRS = ("LO", "UN", "SQ", "OB", "FD", "US")
_CHARACTER_SETS = ("ISO_IR 192", "ISO 2022 IR 87", "X")
_OBJECTS = ("seg", "rtstruct", "sr")


class Dicom:
    """CT and PET series, segmentations, structure sets and structured reports."""

    name = "dicom"
    title = "DICOM"
    limit_s = 20.0
    refusals = ()

    def warm_up(self) -> None:
        """What reads segmentations and reports is imported late in the product."""
        import highdicom  # noqa: F401

        import LNStationLib.export.dicom.report_reading  # noqa: F401

    def prepare(self, originals: Path) -> None:
        """A CT and a PET series, and the three objects on the CT."""
        from Testing.Faults.kinds.dicom_objects import write_study

        write_study(originals)

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Change some or all files of one of them."""
        what = pick(rng, ("ct", "ct", "ct", "pet", *_OBJECTS))
        for part in {"ct", what}:
            (folder / part).mkdir()
            for path in (originals / part).iterdir():
                (folder / part / path.name).write_bytes(path.read_bytes())
        files = sorted((folder / what).iterdir())
        share = pick(rng, (1, 1, 2, len(files)))
        chosen = [files[int(i)] for i in rng.permutation(len(files))[:share]]
        seed = int(rng.integers(2**32))
        # All get the same change, as a program that writes a whole series wrongly would make it.
        said = [change_file(np.random.default_rng(seed), path) for path in chosen]
        return f"{what}, {len(chosen)} of {len(files)} files: {said[0]}"

    def read(self, folder: Path, out: Path) -> str:
        """As a case, or as a review."""
        parts = {path.name for path in folder.iterdir()}
        ct = folder / "ct"
        if "sr" in parts:
            return f"{len(read_review(folder / 'sr' / 'report_sr.dcm', ct).calls)} calls"
        given: dict[str, Any] = {"pet": folder / "pet"} if "pet" in parts else {}
        if "seg" in parts:
            given["nodes"] = folder / "seg"
        if "rtstruct" in parts:
            given["organs"] = folder / "rtstruct"
        return chest.loaded(chest.CaseRequest(ct=ct, **given))


def change_file(rng: np.random.Generator, path: Path) -> str:
    """Attributes, raw bytes, or both; what was changed."""
    raw = path.read_bytes()
    said = []
    if rng.random() < 0.8:
        words, raw = _change_attributes(rng, raw)
        said.append(words)
    if rng.random() < 0.3 or not said:
        words, raw = damage_bytes(rng, raw)
        said.append(words)
    path.write_bytes(raw)
    return "; ".join(said)


def _change_attributes(rng: np.random.Generator, raw: bytes) -> tuple[str, bytes]:
    words: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(io.BytesIO(raw))
        out = io.BytesIO()
        try:
            for _ in range(int(rng.integers(1, 4))):
                words.append(_change_attribute(rng, header))
            header.save_as(out, enforce_file_format=False)
        except Exception as error:  # A value that pydicom itself will not write; raw bytes are the other way.
            said, damaged = damage_bytes(rng, raw)
            return f"{said} ({type(error).__name__} at {'; '.join(words)})", damaged
    if rng.random() < 0.05:
        depth = int(pick(rng, (100, 900, 20000)))
        words.append(f"{depth} sequences in each other at the end")
        out.write(_DEEPER * depth)
    return "; ".join(words), out.getvalue()


def _change_attribute(rng: np.random.Generator, header: Dataset) -> str:
    """One attribute, at any depth, taken out or given another value."""
    holder, element = pick(rng, list(_elements(header)))
    name = element.keyword or str(element.tag)
    ways: dict[str, Callable[[], None]] = {
        "taken out": lambda: holder.__delitem__(element.tag),
        "emptied": lambda: _set(holder, element.tag, element.VR, None),
        "other": lambda: _set(holder, element.tag, element.VR, _value(rng, element.VR)),
        "several": lambda: _set(holder, element.tag, element.VR, [_value(rng, element.VR)] * int(rng.integers(2, 9))),
        "wrong VR": lambda: _set(holder, element.tag, pick(rng, _OTHER_VRS), _value(rng, "LO")),
        "nested": lambda: _set(holder, Tag(0x0040A730), "SQ", _nested(int(pick(rng, (2, 8))))),
        "syntax": lambda: setattr(header.file_meta, "TransferSyntaxUID", pick(rng, _SYNTAXES)),
        "character set": lambda: _set(holder, Tag(0x00080005), "CS", pick(rng, _CHARACTER_SETS)),
    }  # fmt: skip
    way = pick(
        rng,
        (
            "taken out",
            "emptied",
            "other",
            "other",
            "other",
            "several",
            "wrong VR",
            "nested",
            "syntax",
            "character set",
        ),
    )
    ways[way]()
    return f"{name} {way}"


def _elements(header: Dataset) -> Any:
    for element in list(header):
        yield header, element
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _elements(item)


def _set(holder: Dataset, tag: Any, vr: str, value: Any) -> None:
    try:
        holder.add_new(tag, vr, value)
    except Exception:  # pydicom refuses the value for this VR; as text it goes in everywhere.
        holder.add_new(tag, "UN", str(value).encode("utf-8", "replace")[:1000])


def _value(rng: np.random.Generator, vr: str) -> Any:
    if vr in ("DS", "IS"):
        return pick(rng, (f"{number(rng):.10g}", "0", "-1", "", "x"))
    if vr in ("US", "SS", "UL", "SL"):
        return int(pick(rng, (0, 1, 2, 3, 16, 255, 32767, 65535)))
    if vr in ("FD", "FL"):
        return float(pick(rng, NUMBERS))
    if vr == "SQ":
        return Items([Dataset()] * int(rng.integers(0, 3)))
    if vr in ("OB", "OW", "UN"):
        return rng.bytes(int(2 ** rng.integers(0, 11)) * 2)
    return pick(rng, TEXTS)


def _nested(depth: int) -> Items:
    inner = Dataset()
    for _ in range(depth):
        outer = Dataset()
        outer.add_new(Tag(0x0040A730), "SQ", Items([inner]))
        inner = outer
    return Items([inner])
