"""Tables of an experiment on nodes, as Markdown: every measure by row, and OSLN's Tables 1a and 1b."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lnstation_training.engine.experiment_files import Rows, TableSpec
from lnstation_training.engine.values import FoldResult
from lnstation_training.tasks.node_detection.evaluation import Figure, FusionFigures, NodeEvaluation


def tables_markdown(rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
    """Every measure, a row for each row of the experiment and fold.

    Args:
        rows: Of ``rows.yaml``.
        results: Results by row.
    """
    lines = [f"# {rows.title}", ""]
    named = [name for name in rows.rows if name in results]
    found = [(rows.rows[name].title, result.evaluation) for name in named for result in results[name]]
    measures = list(dict.fromkeys(each.name for _, evaluation in found for each in _of(evaluation).figures))
    lines.append(f"| row | fold | patients | nodes | {' | '.join(measures)} |")
    lines.append("| --- |" + " --- |" * (len(measures) + 3))
    for title, evaluation in found:
        one = _of(evaluation)
        values = {each.name: figure_text(each) for each in one.figures}
        cells = [title, str(one.fold), str(one.n_patients), str(one.n_nodes), *(values.get(m, "") for m in measures)]
        lines.append(f"| {' | '.join(cells)} |")
    for table in rows.tables:
        if any(name in results for line in table.lines for name in line.rows):
            lines += ["", f"## {table.title}", "", *_KINDS[table.kind](rows, table, results)]
    return "\n".join(lines) + "\n"


def _fusion_lines(rows: Rows, table: TableSpec, results: Mapping[str, Sequence[FoldResult]]) -> list[str]:
    """Table 1b: every fusion of a row's networks, and the baselines."""
    lines = ["| row | networks | " + " | ".join(_SHOWN) + " | near | far |", "| --- |" + " --- |" * (len(_SHOWN) + 3)]
    for title, fusion in _fusions(rows, table, results):
        strata = {each.title: f"{each.n_found}/{each.n_nodes}" for each in fusion.strata}
        cells = [title, fusion.name, *_shown(fusion), strata.get("near", "-"), strata.get("far", "-")]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _backbone_lines(rows: Rows, table: TableSpec, results: Mapping[str, Sequence[FoldResult]]) -> list[str]:
    """Table 1a: CT and early fusion of every backbone."""
    lines = ["| backbone | stream | " + " | ".join(_SHOWN) + " |", "| --- |" + " --- |" * (len(_SHOWN) + 1)]
    for title, fusion in _fusions(rows, table, results):
        if fusion.name in ("CT", "EF"):
            lines.append(f"| {' | '.join([title, fusion.name, *_shown(fusion)])} |")
    return lines


def _fusions(
    rows: Rows, table: TableSpec, results: Mapping[str, Sequence[FoldResult]]
) -> Iterator[tuple[str, FusionFigures]]:
    """Every fusion of every row of a table, fold by fold."""
    for name in (name for line in table.lines for name in line.rows if name in results):
        for result in results[name]:
            for fusion in _of(result.evaluation).fusions:
                yield rows.rows[name].title, fusion


def _shown(fusion: FusionFigures) -> list[str]:
    values = {each.name: figure_text(each) for each in fusion.figures}
    return [values.get(name, "-") for name in _SHOWN]


_SHOWN = ("recall at precision 0.15", "mean recall at precision 0.10 to 0.20", "mFROC", "best F1")
"""OSLN's measures of Tables 1 and 2."""
_KINDS = {"fusions": _fusion_lines, "backbones": _backbone_lines}


def _of(evaluation: object) -> NodeEvaluation:
    if not isinstance(evaluation, NodeEvaluation):
        raise TypeError(f"not an evaluation of node detection: {type(evaluation).__name__}")
    return evaluation


def figure_text(figure: Figure) -> str:
    """A measure with its interval; ``-`` where it is not defined."""
    if figure.value is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
