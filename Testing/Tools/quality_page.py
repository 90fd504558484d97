"""Write the rules of the quality check into ``docs/quality.md``, so that page and table cannot drift apart.

    python -m Testing.Tools.quality_page

Run it after a change of ``Resources/Quality/plausibility.json``; a test holds the page equal to what it would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from LNStationLib.quality.rules import Bounds, Rule, plausibility  # noqa: E402  (the source tree is on the path above)

PAGE = ROOT / "docs" / "quality.md"
MARK = "<!-- below: written by Testing/Tools/quality_page.py from Resources/Quality/plausibility.json -->"


def bounds(limits: Bounds) -> str:
    """Bounds in a cell."""
    low, high = limits
    if low is None:
        return f"up to {high:g}"
    return f"from {low:g}" if high is None else f"{low:g} to {high:g}"


def table(first: str, rows: Iterable[tuple[str, Rule]], numbers: dict[str, int]) -> list[str]:
    """One table of rules in Markdown."""
    lines = [f"| {first} | usual | possible | why | sources |", "| --- | --- | --- | --- | --- |"]
    for what, rule in rows:
        keys = ", ".join(str(numbers[key]) for key in rule.sources)
        lines.append(f"| {what} | {bounds(rule.usual)} | {bounds(rule.possible)} | {rule.why} | {keys} |")
    return lines


def rules_page() -> str:
    """What follows the mark: all rules and their sources."""
    rules = plausibility()
    numbers = {key: number for number, key in enumerate(rules.sources, start=1)}
    organs = ((f"{', '.join(rule.names)}: `{rule.measure}`", rule) for rule in rules.organs)
    relations = (
        (f"`{rule.first}` {rule.measure.removesuffix('_mm').replace('_', ' ')} `{rule.second}`, in mm", rule)
        for rule in rules.relations
    )
    stations = ((f"{', '.join(rule.names)}: `{rule.measure}`", rule) for rule in rules.stations)
    lines = ["## Organs", "", *table("organ: measure", organs, numbers), ""]
    lines += ["## Order along the body, and sides", "", *table("relation", relations, numbers), ""]
    lines += ["## Stations", "", *table("station: measure", stations, numbers), ""]
    lines += ["## Sources", "", *(f"{numbers[key]}. {text}" for key, text in rules.sources.items())]
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with what follows the mark written anew.

    Raises:
        ValueError: It has no mark.
    """
    before, mark, _ = text.partition(MARK)
    if not mark:
        raise ValueError(f"{PAGE} has no line {MARK!r}")
    return f"{before}{MARK}\n\n{rules_page()}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
