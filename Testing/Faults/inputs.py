"""Runs over changed inputs, and their table."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from Testing.Faults.registry import KINDS
from Testing.Faults.verdicts import DEFECTS, Ended
from Testing.Faults.warm_process import run_inputs


@dataclass(frozen=True)
class Run:
    """What came of a kind.

    Attributes:
        kind: Its name.
        count: Inputs.
        outcomes: How many ended how.
        longest_s: Of the slowest input.
        seconds: Of all.
        defects: Those that are none of result and sentence.
    """

    kind: str
    count: int
    outcomes: dict[str, int]
    longest_s: float
    seconds: float
    defects: list[Ended]


def run_kind(name: str, seeds: Sequence[int], folder: Path, tell: Callable[[Ended], None] = lambda _: None) -> Run:
    """Run seeds of a kind; ``tell`` hears of each as it ends."""
    start, ended = time.perf_counter(), []
    for one in run_inputs(KINDS[name], seeds, folder):
        tell(one)
        ended.append(one)
    return Run(
        name,
        len(ended),
        dict(Counter(one.outcome for one in ended)),
        max((one.seconds for one in ended), default=0.0),
        time.perf_counter() - start,
        [one for one in ended if one.outcome in DEFECTS],
    )


def shares(count: int, names: Sequence[str]) -> dict[str, int]:
    """``count`` inputs over kinds, as evenly as can be."""
    return {name: count // len(names) + (i < count % len(names)) for i, name in enumerate(names)}


def table(runs: Iterable[Run]) -> str:
    """The table in Markdown, and after it every defect with its command line."""
    runs = list(runs)
    lines = [
        "| input | inputs | taken | refused in a sentence | defects | slowest, s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for run in runs:
        title, bad = KINDS[run.kind].title, len(run.defects)
        taken, refused = run.outcomes.get("accepted", 0), run.outcomes.get("refused", 0)
        lines.append(f"| {title} | {run.count} | {taken} | {refused} | {bad} | {run.longest_s:.1f} |")
    total = sum(run.count for run in runs)
    lines.append(f"| all | {total} | | | {sum(len(run.defects) for run in runs)} | |")
    return "\n".join([*lines, *defect_list(runs)])


def defect_list(runs: Iterable[Run]) -> list[str]:
    """Every kind of defect once, with the first input that shows it and how many do."""
    groups: dict[tuple[str, str], list[Ended]] = {}
    for run in runs:
        for one in run.defects:
            groups.setdefault(
                (one.outcome, one.said.split(": ")[0] if one.outcome == "traceback" else one.outcome), []
            ).append(one)
    return [
        "",
        *(
            f"- {len(found)} x {found[0].outcome}: {found[0].said}\n  `{found[0].replay}` ({found[0].what:.300})"
            for found in groups.values()
        ),
    ]


def save(runs: Iterable[Run], path: Path) -> None:
    """Keep runs as JSON."""
    path.write_text(json.dumps([asdict(run) for run in runs], indent=1, ensure_ascii=True), encoding="utf-8")
