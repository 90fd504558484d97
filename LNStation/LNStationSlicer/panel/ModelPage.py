"""A model package's card as a line for a list and as a page to read."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.ModelCard import CardRow, ModelCard

_LONGEST_WORD = 32
"""Characters: half a SHA-256; such a line fits into a panel of usual width."""
_BRIEF_LINE = 72
"""Characters that fit beside each other into a panel of 480 pixels."""


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


def briefHtml(card: ModelCard) -> str:
    """What a reader must know, in five lines: title, training, patients, the first figure, and what it is for."""
    rows = {row["title"]: row["lines"] for row in card["rows"]}
    trained, metrics = rows.get("Trained on", [""]), rows.get("Metrics", [""])
    figure = " ".join(line.strip() for line in metrics[:2])
    lines = [trained[0], " ".join(trained[1:2]), figure, " ".join(rows.get("Intended use", [""])[:1])]
    cut = "<br>".join(escape(_cut(line)) for line in lines if line)
    return f"<b>{escape(card['title'])}</b> {escape(card['version'])}<br>{cut}"


def _cut(line: str) -> str:
    return line if len(line) <= _BRIEF_LINE else f"{line[: _BRIEF_LINE - 1]}\N{HORIZONTAL ELLIPSIS}"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(" ".join(map(_word, text.split(" "))) for text in texts)


def _word(word: str) -> str:
    """A word in lines that fit: Qt breaks none, and a hash would widen the whole panel."""
    lines = [word[start : start + _LONGEST_WORD] for start in range(0, len(word), _LONGEST_WORD)]
    return "<br>".join(map(escape, lines))
