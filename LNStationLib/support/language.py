"""The language of what people read: English, or that of a catalog in ``Resources/Languages``.

Words are made at the edge, so that the edge says in which language: ``with speaking("de"): ...``. Every sentence is
written in English where it is made and passes through :func:`say`; what a catalog lacks stays English. Files for
programs (JSON, CSV, DICOM codes) are written outside of ``speaking`` and never change.
"""

from __future__ import annotations

import gettext
import io
import re
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from LNStationLib.support.errors import InputError
from LNStationLib.support.po_files import machine_catalog, read_po
from LNStationLib.support.resources import resource_path

ENGLISH = "en"
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in a language meanwhile, in this thread alone.

    Args:
        language: One of :func:`languages`.

    Raises:
        InputError: There is no catalog of it.
    """
    check_language(language)
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def check_language(language: str) -> None:
    """Raise where no catalog has the language.

    Raises:
        InputError: There is none; the message lists those that there are.
    """
    if language not in languages():
        raise InputError(f"there is no report language {language!r}: use one of {', '.join(languages())}")


@cache
def languages() -> tuple[str, ...]:
    """Codes (ISO 639-1) of the languages that can be spoken, English first."""
    return (ENGLISH, *sorted(path.stem for path in catalog_folder().glob("*.po")))


def language_title(language: str) -> str:
    """The name of a language in itself, as the header of its catalog says it."""
    return "English" if language == ENGLISH else _catalog(language).info().get("x-language-name", language)


def catalog_folder() -> Path:
    """Where the catalogs lie."""
    return resource_path("Languages")


def current_language() -> str:
    """The language that is spoken."""
    return _language.get()


def say(text: str, /, **fields: Any) -> str:
    """Say a text in the language that is spoken.

    Args:
        text: English, with named fields: ``"{count} nodes"``. Without ``fields`` braces are no fields.
        fields: What stands in them; numbers get the decimal sign of the language.
    """
    return fill(text, fields) if fields else _translated(text)


def fill(text: str, fields: Mapping[str, Any]) -> str:
    """As :func:`say`, but braces are fields even where none is given.

    Raises:
        LookupError: A field is not given.
        TypeError: A field cannot be written in the form that the text asks for.
        ValueError: Likewise.
    """
    return _Formatter().vformat(_translated(text), (), fields)


def _translated(text: str) -> str:
    # The empty text is that of a catalog's header.
    return _catalog(_language.get()).gettext(text) if text else text


def say_count(one: str, several: str, count: int, /, **fields: Any) -> str:
    """Say how many, in the form that the language has for the number; it is the field ``count``."""
    said = _catalog(_language.get()).ngettext(one, several, count)
    return _Formatter().vformat(said, (), {**fields, "count": count})


def marked(text: str) -> str:
    """Mark a text of a table for the catalogs; whoever shows it says it."""
    return text


def decimal(text: str) -> str:
    """A formatted number with the decimal sign of the language."""
    return text if _language.get() == ENGLISH else re.sub(r"(?<=\d)\.(?=\d)", _decimal_sign(_language.get()), text)


@cache
def _catalog(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    entries = read_po((catalog_folder() / f"{language}.po").read_text(encoding="utf-8"))
    return gettext.GNUTranslations(io.BytesIO(machine_catalog(entries)))


def _decimal_sign(language: str) -> str:
    """The header of a catalog says it; a point where it does not."""
    return _catalog(language).info().get("x-decimal-sign", ".")


class _Formatter(string.Formatter):
    """Formats as ``str.format`` does, with the decimal sign of the language."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        text = format(value, format_spec)
        return decimal(text) if isinstance(value, float) else text
