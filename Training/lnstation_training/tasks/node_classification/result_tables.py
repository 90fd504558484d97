"""Tables of PGLS drawn as Markdown from the results of an experiment."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lnstation_training.engine.experiment_files import Rows, TableSpec
from lnstation_training.engine.values import FoldResult
from lnstation_training.evaluation.comparison import GAIN_HEADER, GAIN_NOTE, gain_cells
from lnstation_training.tasks.node_classification.evaluation import (
    NodeEvaluation,
    NodeFigure,
    node_figures,
)
from lnstation_training.tasks.node_classification.prediction import NodePrediction
from LNStationLib.support.errors import InputError

METRIC_TITLES: Mapping[str, str] = {
    "auc": "AUROC",
    "s_at_r75": "S@R75",
    "r_at_s75": "R@S75",
    "a_at_r75": "A@R75",
    "a_at_s75": "A@S75",
}
TABLE_KINDS: Mapping[str, tuple[str, ...]] = {
    "metrics": tuple(METRIC_TITLES),
    "sweep": ("auc", "a_at_s75"),
}
"""Tables that can be drawn, with their measures: PGLS's Tables 1 and 2, and its Fig. 2."""
NOT_RUN = "not run"


@dataclass(frozen=True)
class Pooled:
    """A row's test predictions of all its folds together.

    Attributes:
        results: By fold.
        nodes: Of all folds, their logits calibrated on each fold's validation part.
        figures: Of these, with intervals.
    """

    results: Sequence[FoldResult]
    nodes: list[NodePrediction]
    figures: Mapping[str, NodeFigure]


def tables_markdown(rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
    """The tables as Markdown, with what was spent on them.

    Raises:
        InputError: A table is of a kind that this task does not draw.
    """
    for table in rows.tables:
        if table.kind not in TABLE_KINDS:
            raise InputError(f"Table {table.title!r} is of kind {table.kind!r}: choose {', '.join(TABLE_KINDS)}.")
    pooled = {row: pool(found) for row, found in results.items()}
    drawn = [
        _table(table, rows, pooled)
        for table in rows.tables
        if any(name in pooled for line in table.lines for name in line.rows)
    ]
    return "\n\n".join([f"# {rows.title}: results", _what_was_run(results, pooled), *drawn]) + "\n"


def evaluation_of(result: FoldResult) -> NodeEvaluation:
    """A result's evaluation.

    Raises:
        TypeError: It is another task's.
    """
    evaluation = result.evaluation
    if not isinstance(evaluation, NodeEvaluation):
        raise TypeError(f"{type(evaluation).__name__} is not an evaluation of node classification")
    return evaluation


def pool(results: Sequence[FoldResult]) -> Pooled:
    """Take a row's folds together."""
    nodes: list[NodePrediction] = []
    for result in results:
        found = evaluation_of(result)
        slope, intercept = (found.calibration.slope, found.calibration.intercept) if found.calibration else (1.0, 0.0)
        nodes += [each.model_copy(update={"logit": slope * each.logit + intercept}) for each in found.nodes]
    return Pooled(results, nodes, {figure.metric: figure for figure in node_figures(nodes)})


def _what_was_run(results: Mapping[str, Sequence[FoldResult]], pooled: Mapping[str, Pooled]) -> str:
    every = [result for row in results.values() for result in row]
    first, folds = evaluation_of(every[0]), sorted({result.fold for result in every})
    tested = {(n.patient, n.node): n.label for each in pooled.values() for n in each.nodes}
    made_up = " They are synthetic: none of these figures says anything about patients." if first.synthetic else ""
    counts = first.counts
    # The second stage may have fewer than the first.
    epochs = " and ".join(map(str, sorted({evaluation_of(result).epochs for result in every}, reverse=True)))
    most = max((evaluation_of(result).unlabeled for result in every), default=0)
    return (
        f"Cohort: {first.cohort}.{made_up} Setting: {every[0].setting}. Folds run: {', '.join(map(str, folds))}; in "
        f"each, {counts['train'].patients} patients with {counts['train'].nodes} labeled nodes train, "
        f"{counts['validation'].patients} choose the epoch and calibrate, and {counts['test'].patients} test; up to "
        f"{most} nodes have no label. Epochs: {epochs}. Tested in all: {len({p for p, _ in tested})} patients, "
        f"{len(tested)} nodes, {sum(label == 1 for label in tested.values())} metastatic.\n\n"
        "Figures are of all test nodes of these folds together, each fold calibrated on its validation part, in "
        "percent, with 95 % intervals by bootstrap over patients. A@R75 and A@S75 follow prevalence, which differs "
        f"from the paper's. {GAIN_NOTE}"
    )


def _table(table: TableSpec, rows: Rows, pooled: Mapping[str, Pooled]) -> str:
    measures = TABLE_KINDS[table.kind]
    titles = [METRIC_TITLES[name] for name in measures]
    header = ["Network", "Parameters", *titles, *GAIN_HEADER, "Stations, AUC", "Folds"]
    reference = pooled.get(table.reference or "")
    body = []
    for line in table.lines:
        name = line.rows[0]
        found = pooled.get(name)
        title = line.title or rows.rows[name].title
        if found is None:
            body.append([title, NOT_RUN, *[""] * (len(header) - 2)])
            continue
        gain = [""] * len(GAIN_HEADER)
        if reference is not None and name != table.reference:
            gain = gain_cells(_by_node(found), _by_node(reference))
        evaluations = [evaluation_of(result) for result in found.results]
        body.append(
            [
                title,
                f"{evaluations[0].parameters / 1e6:.2f} M",
                *(figure_text(found.figures[measure]) for measure in measures),
                *gain,
                _stations(evaluations),
                ", ".join(str(result.fold) for result in found.results),
            ]
        )
    body += _size_line(pooled, measures, len(header)) if table.kind == "metrics" else []
    return "\n".join([f"## {table.title}", "", _row(header), _row(["---"] * len(header)), *map(_row, body)])


def _size_line(pooled: Mapping[str, Pooled], measures: Sequence[str], columns: int) -> list[list[str]]:
    """The short axis alone over the same nodes, to hold the networks against."""
    most = max(pooled.values(), key=lambda each: len(each.results))
    sizes = np.array([each.short_axis_mm for each in most.nodes])
    found = {figure.metric: figure for figure in node_figures(most.nodes, scores=sizes)}
    cells = ["Short axis alone", "", *(figure_text(found[measure]) for measure in measures)]
    return [[*cells, *[""] * (columns - len(cells))]]


def _stations(evaluations: Sequence[NodeEvaluation]) -> str:
    """AUC of stations by each rule, mean of folds; which rule validation chose in each fold."""
    parts = []
    for rule in ("noisy_or", "max"):
        values = [e.station_figures[rule].value for e in evaluations if rule in e.station_figures]
        known = [value for value in values if value is not None]
        if known:
            chosen = sum(each.station_rule == rule for each in evaluations)
            parts.append(f"{rule.replace('_', '-')} {100 * float(np.mean(known)):.1f} (chosen in {chosen})")
    return ", ".join(parts) or "-"


def _by_node(pooled: Pooled) -> dict[Hashable, NodePrediction]:
    return {(each.patient, each.node): each for each in pooled.nodes}


def figure_text(figure: NodeFigure) -> str:
    """Percent with interval, ``-`` where it is not defined."""
    if figure.value is None:
        return "-"
    interval = ""
    if figure.low is not None and figure.high is not None:
        interval = f" ({100 * figure.low:.1f} to {100 * figure.high:.1f})"
    return f"{100 * figure.value:.1f}{interval}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
