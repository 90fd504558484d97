"""The page with the benchmarks' tables: each benchmark replaces its own section."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def write_section(name: str, text: str, page: Path = PAGE) -> None:
    """Put text between the marks ``<!-- name: begin -->`` and ``<!-- name: end -->``.

    Raises:
        ValueError: The page has no such marks, in this order.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    content = page.read_text(encoding="utf-8")
    first, found, rest = content.partition(begin)
    _, closed, last = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} has no lines '{begin}' and '{end}'")
    page.write_text(f"{first}{begin}\n{text}\n{end}{last}", encoding="utf-8")
