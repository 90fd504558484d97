"""The series of a study, each with what its headers say together."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LNStationLib.batch.studies.index import IndexedFile
from LNStationLib.imaging.dicom_grouping import SAME_PLACE_MM

_AXIAL_COSINE = 0.8
"""Of the slices' normal with the patient's axis: gantries tilt by up to 30 degrees, reformats lie at 90."""
_DIGEST_LETTERS = 12


@dataclass(frozen=True)
class SeriesFacts:
    """A series: the files of its most frequent size and plane, each image once.

    Attributes:
        uid: Series Instance UID.
        files: Paths from the root, by path.
        n_images: Images, copies counted once.
        n_copies: Files that repeat an image.
        n_places: Positions along the normal; 0 where headers do not say where slices lie.
        distance_mm: Median distance of slices; ``None`` where it is not known.
        span_mm: Lowest and highest LPS z; ``None`` where it is not known.
        is_axial: Whether slices lie across the patient; ``None`` where it is not known.
        is_image: Whether there are pixels at all.
        content: Digest of the images' SOP Instance UIDs.
        patients: Digests of their Patient IDs.
        facts: Of the first file; see ``header_facts``.
    """

    uid: str
    files: tuple[str, ...]
    n_images: int
    n_copies: int
    n_places: int
    distance_mm: float | None
    span_mm: tuple[float, float] | None
    is_axial: bool | None
    is_image: bool
    content: str
    patients: frozenset[str]
    facts: Mapping[str, Any]

    @property
    def modality(self) -> str:
        """As in DICOM."""
        return str(self.facts["modality"])

    @property
    def number(self) -> int | None:
        """Series Number; ``None`` where it has none."""
        number = self.facts["number"]
        return None if number is None else int(number)

    @property
    def digest(self) -> str:
        """Of the UID: names the series without saying it."""
        return hashlib.sha256(self.uid.encode()).hexdigest()[:_DIGEST_LETTERS]

    @property
    def said(self) -> str:
        """All words that describe it."""
        words = (self.facts[name] for name in ("description", "protocol", "body_part"))
        return " ".join([*words, *self.facts["image_type"]])


def series_of(files: Iterable[IndexedFile]) -> list[SeriesFacts]:
    """The series of a study, by number and UID."""
    by_uid: dict[str, list[IndexedFile]] = defaultdict(list)
    for file in files:
        by_uid[str(file.facts["series"])] += _slices(file)
    found = [_series(uid, of_series) for uid, of_series in by_uid.items()]
    return sorted(found, key=lambda one: (one.number is None, one.number or 0, one.uid))


def _slices(file: IndexedFile) -> list[IndexedFile]:
    """The file for each of its frames; of a classic file itself."""
    positions = file.facts.get("frame_positions")
    if not positions:
        return [file]
    return [IndexedFile(file.path, {**file.facts, "position": position}) for position in positions]


def _series(uid: str, files: Sequence[IndexedFile]) -> SeriesFacts:
    unique = _each_once(files)
    counted = Counter(_kind(file) for file in unique)
    kept = [file for file in unique if _kind(file) == counted.most_common(1)[0][0]]
    normal, depths = _depths(kept)
    steps = np.diff(depths)
    places = 1 + int((steps >= SAME_PLACE_MM).sum()) if len(depths) else 0
    apart = steps[steps >= SAME_PLACE_MM]
    heights = [file.facts["position"][2] for file in kept if file.facts["position"]]
    sops = sorted(str(file.facts["sop"]) for file in kept)
    return SeriesFacts(
        uid=uid,
        files=tuple(dict.fromkeys(file.path for file in kept)),
        n_images=len(kept),
        n_copies=len(files) - len(unique),
        n_places=places,
        distance_mm=float(np.median(apart)) if len(apart) else None,
        span_mm=(min(heights), max(heights)) if len(heights) == len(kept) else None,
        is_axial=None if normal is None else bool(abs(normal[2]) >= _AXIAL_COSINE),
        is_image=bool(kept[0].facts["rows"] and kept[0].facts["columns"]),
        content=hashlib.sha256("\n".join(sops).encode()).hexdigest(),
        patients=frozenset(str(file.facts["patient"]) for file in files),
        facts=kept[0].facts,
    )


def _each_once(files: Sequence[IndexedFile]) -> list[IndexedFile]:
    """Files without those that repeat an image: the same SOP Instance UID at the same place."""
    seen: dict[tuple[Any, ...], IndexedFile] = {}
    for file in files:
        sop = file.facts["sop"]
        seen.setdefault((sop, str(file.facts["position"])) if sop else (file.path,), file)
    return list(seen.values())


def _kind(file: IndexedFile) -> tuple[Any, ...]:
    """What all images of a volume share; scouts often lie in the series that they planned."""
    facts = file.facts
    orientation = facts["orientation"]
    plane = None if orientation is None else tuple(round(one, 1) for one in orientation)
    return (facts["rows"], facts["columns"], facts["samples"], "LOCALIZER" in facts["image_type"], plane)


def _depths(files: Sequence[IndexedFile]) -> tuple[np.ndarray | None, np.ndarray]:
    """The slices' normal, and where each lies along it in mm, in order; nothing where a header does not say it."""
    first = files[0].facts["orientation"]
    positions = [file.facts["position"] for file in files]
    if first is None or any(position is None for position in positions):
        return None, np.empty(0)
    normal = np.cross(first[:3], first[3:])
    return normal, np.sort(np.array(positions, float) @ normal)
