"""NIfTI-1 and NIfTI-2: fields of the header, extensions, the data behind it, and gzip around it all."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from Testing.Faults.draws import TEXTS, damage_bytes, number, pick
from Testing.Faults.kinds import chest

FIELDS: dict[str, tuple[int, str, int]] = {
    "sizeof_hdr": (0, "i", 1), "dim": (40, "h", 8), "intent_code": (68, "h", 1), "datatype": (70, "h", 1),
    "bitpix": (72, "h", 1), "slice_start": (74, "h", 1), "pixdim": (76, "f", 8), "vox_offset": (108, "f", 1),
    "scl_slope": (112, "f", 1), "scl_inter": (116, "f", 1), "slice_end": (120, "h", 1), "slice_code": (122, "b", 1),
    "xyzt_units": (123, "b", 1), "cal_max": (124, "f", 1), "toffset": (136, "f", 1), "qform_code": (252, "h", 1),
    "sform_code": (254, "h", 1), "quatern_b": (256, "f", 3), "qoffset_x": (268, "f", 3), "srow_x": (280, "f", 4),
    "srow_y": (296, "f", 4), "srow_z": (312, "f", 4), "magic": (344, "s", 4),
}  # fmt: skip
"""Place, type and number of values of the fields of a NIfTI-1 header (nifti1.h)."""
_DATATYPES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 511, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, -1)
_HEADER_BYTES = 352


class Nifti:
    """NIfTI files in every role."""

    name = "nifti"
    title = "NIfTI"
    limit_s = 15.0
    refusals = ()

    def warm_up(self) -> None:
        """Nothing more than this file imports."""

    def prepare(self, originals: Path) -> None:
        """One image a role."""
        chest.write_images(originals, ".nii")

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Change the file of one role."""
        role = chest.draw_role(rng)
        (folder / "ct.nii").write_bytes((originals / "ct.nii").read_bytes())
        data = bytearray((originals / f"{role}.nii").read_bytes())
        words = [role]
        for _ in range(int(rng.integers(1, 4))):
            words.append(_change_field(rng, data))
        raw = bytes(data)
        if rng.random() < 0.15:
            said, raw = _with_extension(rng, raw)
            words.append(said)
        if rng.random() < 0.25:
            said, raw = damage_bytes(rng, raw)
            words.append(said)
        if rng.random() < 0.4:
            said, raw = _packed(rng, raw)
            words.append(said)
        (folder / "ct.nii" if role == "ct" else folder / f"{role}.nii").write_bytes(raw)
        return "; ".join(words)

    def read(self, folder: Path, out: Path) -> str:
        """As a case."""
        return chest.loaded(chest.request(folder, chest.role_of(folder)))


def _change_field(rng: np.random.Generator, data: bytearray) -> str:
    name = pick(rng, list(FIELDS))
    offset, kind, count = FIELDS[name]
    if kind == "s":
        value = pick(rng, (b"n+1\0", b"ni1\0", b"n+2\0", b"\0\0\0\0", b"n+1 "))
        data[offset : offset + 4] = value
        return f"{name} {value!r}"
    item = int(rng.integers(count))
    value = float(pick(rng, _DATATYPES)) if name == "datatype" else number(rng)
    place = offset + item * struct.calcsize(kind)
    struct.pack_into(f"<{kind}", data, place, _fitting(value, kind))
    return f"{name}[{item}] {value:g}"


def _fitting(value: float, kind: str) -> float | int:
    if kind == "f":
        return value if not abs(value) > 3e38 or not np.isfinite(value) else float(np.copysign(np.inf, value))
    bits = 8 * struct.calcsize(kind)
    whole = 0 if not np.isfinite(value) else int(value)
    return (whole + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def _with_extension(rng: np.random.Generator, raw: bytes) -> tuple[str, bytes]:
    """An extension whose length may be a lie."""
    text = pick(rng, TEXTS).encode("utf-8", "replace")
    length = int(pick(rng, (0, 8, 16, 15, len(text) + 8, -16, 2**30)))
    code = int(pick(rng, (0, 2, 4, 6, 44, -1)))
    block = b"\1\0\0\0" + struct.pack("<ii", length, code) + text
    return f"extension of {length} bytes, code {code}", raw[:348] + block + raw[_HEADER_BYTES:]


def _packed(rng: np.random.Generator, raw: bytes) -> tuple[str, bytes]:
    packed = gzip.compress(raw, 1)
    if rng.random() < 0.6:
        said, packed = damage_bytes(rng, packed)
        return f"gzip, {said}", packed
    return "gzip", packed
