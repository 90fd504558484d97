"""Tables of an experiment on nodes, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.values import FoldResult
from lnstation_training.tasks.node_detection.evaluation import Figure, NodeEvaluation


def tables_markdown(rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
    """Every measure, a row for each row of the experiment and fold.

    Args:
        rows: Of ``rows.yaml``.
        results: Results by row.
    """
    lines = [f"# {rows.title}", "", "Visible nodes of patients that training has not seen.", ""]
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
    return "\n".join(lines) + "\n"


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
