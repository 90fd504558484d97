"""HTML and PDF: the same words, on every page what must be there, and nothing in the data is ever executed."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from export.cases import Options, make_result
from pypdf import PdfReader

from LNStationLib.export.report.cells import Table
from LNStationLib.export.report.content import SYNTHETIC_CASE, SYNTHETIC_MODEL
from LNStationLib.export.report.html import html_report
from LNStationLib.export.report.layout import build_report
from LNStationLib.export.report.pdf import pdf_report
from LNStationLib.state.assessment import StationAgreement

HOSTILE = '<script>alert(1)</script> #panic("x") $x$ *b* \\u{41} "q" {{ 7*7 }} @ref `c`'


class _Text(HTMLParser):
    """Collects tags and visible words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for key, value in attrs if key in ("href", "src", "xlink:href", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _html(options: Options) -> tuple[str, _Text]:
    page = html_report(build_report(make_result(options)))
    parser = _Text()
    parser.feed(page)
    return page, parser


def _pdf(options: Options, folder: Path) -> list[str]:
    result = make_result(options)
    data = pdf_report(build_report(result), folder, result.assessment.created)
    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


def _squeezed(text: str) -> str:
    """Without white space and zero-width spaces: line breaks fall differently in the two documents."""
    return re.sub(r"[\s\u200b]+", "", text)


@pytest.fixture(scope="module")
def hostile_pages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return _pdf(Options(case_id=HOSTILE, synthetic=True, trained_on_synthetic=True), tmp_path_factory.mktemp("pdf"))


def test_html_needs_nothing_but_itself() -> None:
    page, parser = _html(Options(pet=True))
    assert "script" not in parser.tags
    assert "link" not in parser.tags
    assert "iframe" not in parser.tags
    assert parser.links
    assert all(link.startswith("data:image/png;base64,") for link in parser.links)
    assert "@import" not in page
    assert not re.search(r"url\((?!#|data:)", page)


def test_html_shows_hostile_text_as_text() -> None:
    page, parser = _html(Options(case_id=HOSTILE))
    assert "<script" not in page
    assert "script" not in parser.tags
    assert HOSTILE in "".join(parser.words)


def test_pdf_shows_hostile_text_as_text(hostile_pages: list[str]) -> None:
    assert _squeezed(HOSTILE) in _squeezed(hostile_pages[0])


def test_every_pdf_page_carries_banners_research_use_version_time_and_number(hostile_pages: list[str]) -> None:
    for number, text in enumerate(hostile_pages, start=1):
        words = _squeezed(text)
        for expected in (
            SYNTHETIC_CASE,
            SYNTHETIC_MODEL,
            "Research use only",
            "LNStation 0.1.0",
            "2025-03-01 10:20:30 UTC",
            f"Page {number} of {len(hostile_pages)}",
        ):
            assert _squeezed(expected) in words


def test_a_clinical_case_carries_no_synthetic_banner(tmp_path: Path) -> None:
    assert all("SYNTHETIC" not in text for text in _pdf(Options(), tmp_path))
    assert "SYNTHETIC" not in _html(Options())[0]


def test_html_repeats_the_banner_for_print_and_keeps_it_in_view() -> None:
    page, parser = _html(Options(synthetic=True))
    assert SYNTHETIC_CASE in "".join(parser.words)
    assert "table-header-group" in page
    assert "position: sticky" in page


@pytest.mark.parametrize("options", [Options(), Options(pet=True), Options(findings=False)])
def test_html_and_pdf_say_every_word_of_the_content(options: Options, tmp_path: Path) -> None:
    content = build_report(make_result(options)).content
    documents = {
        "html": _squeezed("".join(_html(options)[1].words)),
        "pdf": _squeezed("".join(_pdf(options, tmp_path))),
    }
    said = [content.case_id, content.category.headline, content.category.explanation, content.map_note]
    said += [f"{warning.scope}: {warning.text}" for warning in (*content.warnings, *content.details)]
    said += [fact.value for fact in (*content.facts, *content.category.facts)]
    said += list(content.references)
    for table in (content.stations, content.nodes, content.organs, content.borders, content.methods):
        said += _words(table)
    for name, document in documents.items():
        missing = [words for words in said if _squeezed(words) not in document]
        assert not missing, f"{name} lacks {missing}"


def _words(table: Table) -> list[str]:
    if not table.rows:
        return [table.empty]
    # A row may break over lines cell by cell in the PDF, so cells are looked for one by one.
    return [cell.text for row in table.rows for cell in row]


def test_characters_beyond_the_bundled_font_do_not_stop_the_pdf(tmp_path: Path) -> None:
    assert _pdf(Options(case_id="病例 42 \N{GRINNING FACE}"), tmp_path)


def test_equal_reports_are_equal_files(tmp_path: Path) -> None:
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        result = make_result(Options(pet=True))
        report = build_report(result)
        made.append((html_report(report), pdf_report(report, tmp_path / name, result.assessment.created)))
    assert made[0] == made[1]


def test_a_very_long_name_stays_on_the_page(tmp_path: Path) -> None:
    name = "x" * 300
    assert name in _squeezed(_pdf(Options(case_id=name), tmp_path)[0])


def test_the_agreement_of_methods_stands_in_both_documents(tmp_path: Path) -> None:
    row = StationAgreement(station="7", method="Atlases", found_by="both", dice=0.81, border="upper", border_mm=4.2)
    made = make_result()
    result = replace(made, assessment=made.assessment.model_copy(update={"agreement": [row]}))
    pages = PdfReader(io.BytesIO(pdf_report(build_report(result), tmp_path, result.assessment.created))).pages
    for text in (html_report(build_report(result)), "".join(page.extract_text() for page in pages)):
        assert "Agreement of methods for stations" in text
        assert _squeezed("Dice 0.81; upper border 4 mm apart") in _squeezed(text)
