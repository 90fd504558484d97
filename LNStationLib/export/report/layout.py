"""The report as both outputs see it: words, map and pictures, and how many pictures stand beside each other."""

from __future__ import annotations

from dataclasses import dataclass

from LNStationLib.assessment.review import Review
from LNStationLib.export.evidence import evidence_maps
from LNStationLib.export.pictures.gallery import Gallery, build_gallery
from LNStationLib.export.pictures.patient_view import patient_view
from LNStationLib.export.pictures.plane_drawing import LEVEL_HU, SUV_MAX_SHOWN, WINDOW_HU
from LNStationLib.export.pictures.schematic import station_map_svg
from LNStationLib.export.pictures.svg import with_own_ids
from LNStationLib.export.report.content import ReportContent, build_content
from LNStationLib.export.wording import number
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.support.language import say
from LNStationLib.support.progress import Progress, portion, silent

_MOST_KEY_IMAGES = 2
_MOST_LARGE_PICTURES = 8
"""Up to here pictures stand two abreast, beyond it three."""


@dataclass(frozen=True)
class KeyImage:
    """A picture of the summary page.

    Attributes:
        title: Headline.
        drawing: SVG.
    """

    title: str
    drawing: str


@dataclass(frozen=True)
class Report:
    """Everything that a report shows.

    Attributes:
        content: The words.
        station_map: The drawn map, SVG.
        gallery: The pictures.
        coronal_columns: Coronal pictures beside each other.
        station_columns: Axial pictures beside each other.
        picture_note: How to read the pictures.
        key_images: For the summary page: of the station that matters most the CT and, where there is a PET, both.
    """

    content: ReportContent
    station_map: str
    gallery: Gallery
    coronal_columns: int
    station_columns: int
    picture_note: str
    key_images: tuple[KeyImage, ...] = ()


def build_report(assessed: AssessedCase, progress: Progress = silent, review: Review | None = None) -> Report:
    """Compute words, map and pictures of an assessed case, and of a reader's review of it."""
    progress("patient axes", 0.0)
    view = patient_view(assessed)
    evidence = evidence_maps(assessed)
    gallery = build_gallery(assessed.assessment, view, portion(progress, 0.2, 1.0), evidence)
    with_evidence = any(picture.evidence_svg for picture in gallery.stations)
    captions = tuple(dict.fromkeys(one.caption for one in evidence.values())) if with_evidence else ()
    fused = any(picture.fused_svg for picture in (*gallery.coronals, *gallery.stations))
    station_columns = 2 if len(gallery.stations) <= _MOST_LARGE_PICTURES else 3
    return Report(
        content=build_content(assessed.assessment, review),
        station_map=station_map_svg(assessed.assessment),
        gallery=gallery,
        coronal_columns=1 if fused else 2,
        station_columns=1 if fused or with_evidence else station_columns,
        picture_note=_picture_note(fused, captions),
        key_images=_key_images(gallery),
    )


def _key_images(gallery: Gallery) -> tuple[KeyImage, ...]:
    """Two at most, so that they stand on the first page: the gallery begins with what is positive."""
    shown = [_key_image(one.title, one.ct_svg) for one in gallery.stations[:_MOST_KEY_IMAGES]]
    first = gallery.stations[0] if gallery.stations else None
    if first is not None and first.fused_svg is not None:
        shown = [shown[0], _key_image(say("{title}, PET over CT", title=first.title), first.fused_svg)]
    return tuple(shown)


def _key_image(title: str, drawing: str) -> KeyImage:
    return KeyImage(title, with_own_ids(drawing, "key"))


def _picture_note(fused: bool, evidence_captions: tuple[str, ...]) -> str:
    parts = [
        say(
            "CT window {window} HU, level {level} HU. The patient's right (R) is on the picture's left. Stations "
            "have the colors of the table, nodes those of their calls (orange and plus sign: positive, blue: "
            "negative, yellow: unconfirmed) and numbers. Positions are LPS coordinates of the CT: z towards the "
            "head, y towards the back.",
            window=number(WINDOW_HU, 0),
            level=number(LEVEL_HU, 0),
        )
    ]
    if fused:
        text = "On the right the PET over the CT, SUV (body weight) 0 to {highest}."
        parts.append(say(text, highest=number(SUV_MAX_SHOWN, 0)))
    for caption in evidence_captions:
        parts.append(say("Beside the plain picture of a station, over the CT: {caption}", caption=say(caption)))
    return " ".join(parts)
