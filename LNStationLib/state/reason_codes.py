"""Reasons and warnings as an assessment keeps them: the text for a reader, and beside it the code with its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from LNStationLib.state.assessment import ReasonCode
from LNStationLib.support.language import ENGLISH, current_language
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import has_words, words


class Warned(Protocol):
    """A part of an assessment that has warnings."""

    @property
    def warnings(self) -> Sequence[str]:
        """The sentences."""

    @property
    def warning_codes(self) -> Sequence[ReasonCode]:
        """What each rests on; empty in assessments of before schema 1.2."""


def recorded(warnings: Iterable[Reason]) -> dict[str, Any]:
    """The fields ``warnings`` and ``warning_codes`` of a part of an assessment."""
    kept = list(warnings)
    return {"warnings": [words(warning) for warning in kept], "warning_codes": codes_of(kept)}


def codes_of(warnings: Iterable[Reason]) -> list[ReasonCode]:
    """Codes with facts that JSON can hold."""
    return [code_of(warning) for warning in warnings]


def code_of(reason: Reason) -> ReasonCode:
    """Code with facts that JSON can hold."""
    return ReasonCode(code=reason.code, facts=_plain(reason.facts))


def said(name: str, reason: Reason) -> dict[str, Any]:
    """A field of an assessment with the words of a reason, and the one with its code: ``detail``, ``detail_code``."""
    return {name: words(reason), f"{name}_code": code_of(reason)}


_UNSAYABLE = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What words raise over facts that a file lacks or distorts, or nests without end: a file may hold anything."""


def reason_of(text: str, coded: ReasonCode | None) -> Reason:
    """A reason as it was given; as it was written where it has no code, or facts of which no words can be made."""
    if coded is not None:
        with suppress(*_UNSAYABLE):
            reason = Reason(coded.code, _facts(coded.facts))
            words(reason)
            return reason
    return as_written(text)


def spoken(text: str, code: ReasonCode | None) -> str:
    """A recorded text in the language that is spoken; as it was recorded where its code or a fact is not known."""
    if current_language() == ENGLISH or code is None or not has_words(code.code):
        return text
    return words(reason_of(text, code))


def spoken_each(texts: Sequence[str], codes: Sequence[ReasonCode]) -> list[str]:
    """Recorded texts likewise; as they were recorded where not each has its code."""
    if len(texts) != len(codes):
        return list(texts)
    return [spoken(text, code) for text, code in zip(texts, codes, strict=True)]


def warnings_of(part: Warned) -> list[Reason]:
    """The warnings of a part as they were given; those of older assessments as they were written."""
    codes = part.warning_codes if len(part.warning_codes) == len(part.warnings) else [None] * len(part.warnings)
    return [reason_of(text, code) for text, code in zip(part.warnings, codes, strict=True)]


def as_written(text: str) -> Reason:
    """A sentence whose code is not known."""
    return Reason("as_written", {"words": text})


def _plain(value: Any) -> Any:
    if isinstance(value, Reason):
        return {"code": value.code, "facts": _plain(value.facts)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def _facts(value: Any) -> Any:
    """Facts as they were, with the reasons among them."""
    if isinstance(value, Mapping):
        if value.keys() == {"code", "facts"}:
            return Reason(value["code"], _facts(value["facts"]))
        return {key: _facts(one) for key, one in value.items()}
    return [_facts(one) for one in value] if isinstance(value, list) else value
