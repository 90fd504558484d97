"""A model package's card as a line for a list and as a page to read."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.ModelCard import CardRow, ModelCard

_LONGEST_WORD = 32
"""Characters: half a SHA-256; such a line fits into a panel of usual width."""


def cardTitle(card: ModelCard) -> str:
    """A line for a list."""
    title = f"{card['title']} {card['version']}"
    return _("{title} (synthetic training)").format(title=title) if card["trained_on"] == "synthetic" else title


def cardHtml(card: ModelCard) -> str:
    """The whole card. Packages come from anywhere: nothing of theirs is taken as markup."""
    rows = [*card["rows"], CardRow(title=_("Package"), lines=[f"{card['id']} {card['version']}"])]
    cells = "".join(
        f"<tr><td><b>{escape(row['title'])}</b>&nbsp;</td><td>{_lines(row['lines'])}</td></tr>" for row in rows
    )
    return f"<b>{escape(card['title'])}</b><table cellspacing='3'>{cells}</table>"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(" ".join(map(_word, text.split(" "))) for text in texts)


def _word(word: str) -> str:
    """A word in lines that fit: Qt breaks none, and a hash would widen the whole panel."""
    lines = [word[start : start + _LONGEST_WORD] for start in range(0, len(word), _LONGEST_WORD)]
    return "<br>".join(map(escape, lines))
