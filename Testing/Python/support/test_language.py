"""Languages of the reports: catalogs are complete and say the same, and what a catalog lacks stays English."""

from __future__ import annotations

import string
import threading
from pathlib import Path

import pytest

from LNStationLib.assessment.words import texts as _words  # noqa: F401  (registers what is said of outlines)
from LNStationLib.state.assessment import ReasonCode
from LNStationLib.state.reason_codes import spoken, spoken_each
from LNStationLib.support import language
from LNStationLib.support.errors import InputError
from LNStationLib.support.language import catalog_folder, languages, marked, say, say_count, speaking
from LNStationLib.support.po_files import Entry, read_po
from Testing.Tools import catalogs

MESSAGES = {(message.text, message.plural) for message in catalogs.messages()}
CATALOGS = [name for name in languages() if name != language.ENGLISH]


def entries(name: str) -> list[Entry]:
    return read_po((catalog_folder() / f"{name}.po").read_text(encoding="utf-8"))[1:]


def fields(text: str) -> set[tuple[str, str]]:
    """Placeholders with their formats."""
    return {(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", CATALOGS)
def test_a_catalog_has_a_translation_of_everything_that_is_said_and_of_nothing_else(name: str) -> None:
    found = entries(name)
    assert {(entry.text, entry.plural) for entry in found} == MESSAGES, "run: python -m Testing.Tools.catalogs"
    assert [entry.text for entry in found if not all(entry.said) or entry.is_fuzzy] == []
    assert [entry.text for entry in found if entry.plural and len(entry.said) != 2] == []


@pytest.mark.parametrize("name", CATALOGS)
def test_translations_have_the_placeholders_of_the_english_text(name: str) -> None:
    for entry in entries(name):
        for said in entry.said:
            # The form for one may spell the number out.
            assert fields(said) in (fields(entry.text), fields(entry.plural or entry.text)), entry.text
            assert said[-1:] == entry.text[-1:] or entry.text[-1:] not in ".:", entry.text


def test_a_catalog_is_as_its_command_writes_it() -> None:
    for name in CATALOGS:
        text = (catalog_folder() / f"{name}.po").read_text(encoding="utf-8")
        assert catalogs.updated(text) == text, "run: python -m Testing.Tools.catalogs"


def test_texts_are_said_in_the_language_that_is_spoken_and_numbers_with_its_decimal_sign() -> None:
    text = "largest short axis {size} mm"
    assert say(text, size="9") == "largest short axis 9 mm"
    with speaking("de"):
        assert say(text, size="9") == "größter Kurzachsendurchmesser 9 mm"
        assert say("node {node} ({share:.2f})", node=3, share=0.875) == "Lymphknoten 3 (0,88)"
        assert [say_count("one node", "{count} nodes", count) for count in (1, 4)] == [
            "ein Lymphknoten", "4 Lymphknoten",
        ]  # fmt: skip
        assert say(marked("a text that no catalog has {n:.1f}"), n=1.25) == "a text that no catalog has 1,2"
    assert say("Patient") == "Patient"
    assert say_count("one node", "{count} nodes", 1) == "one node"


def test_a_language_holds_for_its_thread_alone_and_ends_with_an_error() -> None:
    heard: list[str] = []

    def fail() -> None:
        with speaking("de"):
            other = threading.Thread(target=lambda: heard.append(say("no PET")))
            other.start()
            other.join()
            heard.append(say("no PET"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [*heard, say("no PET")] == ["no PET", "kein PET", "no PET"]


def test_a_language_without_a_catalog_is_named_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="no report language 'xx': use one of en, de"), speaking("xx"):
        pass


def test_recorded_texts_are_said_anew_where_their_code_and_facts_are_known() -> None:
    code = ReasonCode(code="by_node", facts={"node": 3, "n_positive": 1, "why": [
        {"code": "short_axis", "facts": {"mm": 12.5, "threshold_mm": 10.0}},
    ]})  # fmt: skip
    english = "node 3 with short axis 12.5 mm >= 10.0 mm"
    assert spoken(english, code) == english
    with speaking("de"):
        assert spoken(english, code) == "Lymphknoten 3 mit Kurzachsendurchmesser 12,5 mm >= 10,0 mm"
        assert spoken(english, None) == english
        for unknown in (
            ReasonCode(code="nobody_knows_it"),
            ReasonCode(code="by_node", facts={"node": 3}),
            ReasonCode(code="by_node", facts={"node": 3, "n_positive": "x", "why": 7}),
        ):
            assert spoken(english, unknown) == english
        assert spoken_each(["a", "b"], [code]) == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "problem"), [("msgctxt \"x\"", "line 1"), ('msgid "open', "line 1"), ("nonsense", "line 1")]
)  # fmt: skip
def test_a_damaged_catalog_is_refused_with_the_line(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_po(line)


def test_a_catalog_is_read_with_escapes_long_texts_comments_and_doubtful_entries(tmp_path: Path) -> None:
    text = '# by hand\n#, fuzzy, python-brace-format\nmsgid ""\n"a \\"b\\"\\n"\n"c"\nmsgstr "d"\n'
    assert read_po(text) == [Entry('a "b"\nc', "", ("d",), is_fuzzy=True)]
