"""Parts of sentences for the user."""

from __future__ import annotations

from collections.abc import Iterable

SYNTHETIC_ONLY = "trained on synthetic patients only"
"""Said wherever the output of such a model shows."""


def listed(names: Iterable[str]) -> str:
    """Join names for a sentence: "a, b and c"; there must be at least one."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
