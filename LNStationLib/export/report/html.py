"""The report as one self-contained HTML file."""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from LNStationLib.export.report.layout import Report
from LNStationLib.support.language import say
from LNStationLib.support.palette import NEGATIVE_INK, POSITIVE_INK
from LNStationLib.support.resources import resource_path

_COLUMN_CLASSES = {1: "one", 2: "two", 3: "three"}


def html_report(report: Report) -> str:
    """Lay out a report as HTML; text is escaped, only the drawings and the style sheet go in as they are."""
    return page("report.html.j2").render(
        content=report.content,
        gallery=report.gallery,
        station_map=report.station_map,
        picture_note=report.picture_note,
        coronal_columns=_COLUMN_CLASSES[report.coronal_columns],
        station_columns=_COLUMN_CLASSES[report.station_columns],
        key_images=report.key_images,
        css=style_sheet(),
    )


def page(template: str) -> Template:
    """A template of ``Resources/Report``; it escapes all but drawings and style sheet."""
    # Both filters mark as safe only what this package made itself: SVG serialized from a tree, and the style sheet.
    environment = Environment(
        loader=FileSystemLoader(resource_path("Report")), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals["say"] = say
    environment.filters["svg"] = Markup
    environment.filters["css"] = Markup
    return environment.get_template(template)


def style_sheet() -> str:
    """The style of every page, with the palette as variables."""
    colors = f":root {{ --positive: {POSITIVE_INK}; --negative: {NEGATIVE_INK}; }}\n"
    return colors + resource_path("Report", "report.css").read_text(encoding="utf-8")
