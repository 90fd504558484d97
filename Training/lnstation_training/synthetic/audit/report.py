"""The audit on the screen and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lnstation_training.synthetic.audit.sheet import Figure
from LNStationLib.phantom.preset import Preset
from LNStationLib.phantom.records import CohortFile

_STYLES = {"agrees": "green", "deviates": "bold yellow"}
"""Verdict to its style on the screen."""


def markdown(figures: Sequence[Figure], cohort: CohortFile, preset: Preset) -> str:
    """The audit as a Markdown document."""
    key = cohort.key
    lines = [
        f"# Audit of a synthetic cohort: {preset.name}",
        "",
        f"{preset.description}",
        f"{len(cohort.patients)} synthetic patients, preset {key.preset} ({key.preset_digest}), seed {key.seed}, "
        f"LNStation {key.lnstation_version}, {'with' if key.images else 'without'} images. No patient is real.",
        "",
        '"agrees" means that the 95 % confidence interval meets that of the published figure, or the range it is '
        'given as; "other cohort" that the published figure is of another cancer and only stands beside.',
    ]
    for section, rows in groupby(figures, key=lambda figure: figure.section):
        lines += ["", f"## {section}", "", *_table(list(rows))]
    lines += ["", *_deviations(figures)]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Figure]) -> list[str]:
    if all(row.published is None for row in rows):
        return ["| | this cohort |", "| --- | --- |", *(f"| {row.name} | {row.value} |" for row in rows)]
    lines = ["| | this cohort | published | |", "| --- | --- | --- | --- |"]
    for row in rows:
        published = f"{row.published} ({row.source})" if row.published else ""
        lines.append(f"| {row.name} | {row.value} | {published} | {row.verdict} |")
    return lines


def _deviations(figures: Sequence[Figure]) -> list[str]:
    lines = ["## Deviations and remarks", ""]
    noted = [f for f in figures if f.verdict == "deviates" or f.reason]
    if not noted:
        return [*lines, "None."]
    for figure in noted:
        mark = "deviates" if figure.verdict == "deviates" else "remark"
        lines.append(f"- **{figure.name}** ({mark}): {figure.reason or 'no reason is known; look into it.'}")
    return lines


def show(console: Console, figures: Sequence[Figure]) -> None:
    """Print the audit as tables."""
    for section, rows in groupby(figures, key=lambda figure: figure.section):
        table = Table(title=section, title_justify="left", title_style="bold")
        for heading in ("", "this cohort", "published", ""):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(
                row.name, row.value, row.published or "", Text(row.verdict, style=_STYLES.get(row.verdict, "dim"))
            )
        console.print(table)
    for line in _deviations(figures)[2:]:
        console.print(Text(line), soft_wrap=True)
