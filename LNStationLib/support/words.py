"""How a code with its facts becomes a sentence.

Each room has the words of its own codes in a file ``words.py``; ``assessment/words.py`` knows them all. A method from
outside registers its texts with :func:`texts` and :func:`words_for`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from LNStationLib.support.language import decimal, fill, say
from LNStationLib.support.reason import Reason

Facts = Any
"""The facts of a reason, by name."""

_WORDS: dict[str, Callable[[Facts], str]] = {}
_TEMPLATES: dict[str, str] = {}
_SAID = ("side", "other_side", "border", "organ", "landmark", "bronchus", "whole")
"""Facts that are words: sides, borders and titles of organs."""


def words_for(code: str) -> Callable[[Callable[[Facts], str]], Callable[[Facts], str]]:
    """Register the words of a code: a function of the facts.

    Raises:
        ValueError: The code has words already.
    """

    def register(words: Callable[[Facts], str]) -> Callable[[Facts], str]:
        if code in _WORDS:
            raise ValueError(f"the reason {code!r} has words already")
        _WORDS[code] = words
        return words

    return register


def texts(templates: Mapping[str, str]) -> None:
    """Register words that need no more than the facts in their places: ``"only {volume_ml:.0f} ml"``.

    A fact that is a reason itself stands there in its own words.

    Raises:
        ValueError: A code has words already.
    """
    for code, template in templates.items():
        words_for(code)(partial(_filled, template))
        _TEMPLATES[code] = template


def _filled(template: str, facts: Mapping[str, Any]) -> str:
    return fill(template, {name: _said(name, fact) for name, fact in facts.items()})


def _said(name: str, fact: Any) -> Any:
    if isinstance(fact, Reason):
        return words(fact)
    return say(fact) if name in _SAID else fact


def templates() -> tuple[str, ...]:
    """All that :func:`texts` registered, for the catalogs."""
    return tuple(_TEMPLATES.values())


def words(reason: Reason) -> str:
    """The text of a reason in the language that is spoken; a code without text is shown as it is, with its facts."""
    if reason.code in _WORDS:
        return _WORDS[reason.code](reason.facts)
    facts = ", ".join(f"{name} {value}" for name, value in reason.facts.items())
    return f"{reason.code.replace('_', ' ')} ({facts})" if facts else reason.code.replace("_", " ")


def has_words(code: str) -> bool:
    """Whether a code has words; those of methods from outside may be unknown here."""
    return code in _WORDS


def sentence(reason: Reason) -> str:
    """A reason as a sentence: capitalized, with its period."""
    text = words(reason)
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def joined(reasons: Iterable[Reason], by: str) -> str:
    """The words of several reasons, with something between them."""
    return by.join(words(reason) for reason in reasons)


def against(value: float, sign: str, threshold: float, unit: str = "", fewest_decimals: int = 1) -> str:
    """Write a comparison with as many decimals as it takes to look true: never "10.0 < 10.0"."""
    for decimals in range(fewest_decimals, 7):
        left, right = f"{value:.{decimals}f}", f"{threshold:.{decimals}f}"
        if left != right or value == threshold:
            break
    return decimal(f"{left}{unit} {sign} {right}{unit}")


texts({"as_written": "{words}"})
