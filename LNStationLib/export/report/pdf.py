"""The report as PDF, typeset by Typst from the same content as the HTML."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib
import typst
from matplotlib.ft2font import FT2Font

from LNStationLib.export.pictures.gallery import Picture
from LNStationLib.export.report.layout import KeyImage, Report
from LNStationLib.export.report.typst_apart import compile_apart
from LNStationLib.support.language import say
from LNStationLib.support.palette import NEGATIVE_INK, POSITIVE_INK
from LNStationLib.support.resources import resource_path
from LNStationLib.support.scarcity import memory_limit_bytes

_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def pdf_report(report: Report, folder: Path, created: str) -> bytes:
    """Typeset a report.

    Args:
        report: What to show.
        folder: An empty folder for the files that Typst reads; Typst sees nothing outside of it but the fonts.
        created: ISO 8601 time that the PDF carries as its date, so that equal reports are equal files.

    Returns:
        The PDF.
    """
    shutil.copyfile(resource_path("Report", "report.typ"), folder / "report.typ")
    (folder / "station_map.svg").write_text(report.station_map, encoding="utf-8")
    pictures = {
        "coronals": [_write_picture(picture, folder) for picture in report.gallery.coronals],
        "stations": [_write_picture(picture, folder) for picture in report.gallery.stations],
    }
    data = {
        "content": asdict(report.content),
        "words": {text: say(text) for text in template_words()},
        **pictures,
        "coronal_columns": report.coronal_columns,
        "station_columns": report.station_columns,
        "gallery_note": report.gallery.note,
        "picture_note": report.picture_note,
        "palette": {"positive": POSITIVE_INK, "negative": NEGATIVE_INK},
        "key_images": [_write_key_image(number, image, folder) for number, image in enumerate(report.key_images)],
    }
    words = json.dumps(data, ensure_ascii=False)
    (folder / "data.json").write_text(words, encoding="utf-8")
    return _compile(folder, words, created)


def template_words() -> tuple[str, ...]:
    """What the template says by itself, in English."""
    template = resource_path("Report", "report.typ").read_text(encoding="utf-8")
    return tuple(dict.fromkeys(re.findall(r'say\("([^"]+)"\)', template)))


def _write_picture(picture: Picture, folder: Path) -> dict[str, Any]:
    """Write the drawings of a picture as SVG files and return what the template needs."""
    names: dict[str, Any] = {
        "title": picture.title,
        "caption": picture.caption,
        "aspect": picture.width_mm / picture.height_mm,
        "tall": picture.orientation == "coronal",
        "drawings": [f"{picture.name}-{number}.svg" for number in range(len(picture.drawings))],
    }
    for name, drawing in zip(names["drawings"], picture.drawings, strict=True):
        (folder / name).write_text(drawing, encoding="utf-8")
    return names


def _write_key_image(number: int, image: KeyImage, folder: Path) -> dict[str, str]:
    name = f"key-image-{number}.svg"
    (folder / name).write_text(image.drawing, encoding="utf-8")
    return {"title": image.title, "drawing": name}


def _compile(folder: Path, words: str, created: str) -> bytes:
    options: dict[str, Any] = {
        "root": folder,
        # DejaVu Sans comes with matplotlib, so the page looks the same on every computer.
        "font_paths": [_FONTS],
        "ignore_system_fonts": _covers(words),
        "format": "pdf",
    }
    if memory_limit_bytes() is not None:
        return compile_apart(folder / "report.typ", options, _time(created))
    compiled: Any = typst.compile(folder / "report.typ", timestamp=_time(created), **options)
    if not isinstance(compiled, bytes):
        raise TypeError(f"typst returned {type(compiled).__name__} instead of one PDF")
    return compiled


def _covers(words: str) -> bool:
    """Whether the bundled font has every character; only otherwise the computer's own fonts may help out."""
    known = FT2Font(str(_FONTS / "DejaVuSans.ttf")).get_charmap()
    return all(ord(character) in known for character in set(words))


def _time(created: str) -> datetime:
    when = datetime.fromisoformat(created)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
