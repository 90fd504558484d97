"""Tables of a paper drawn as Markdown from the results of an experiment."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lnstation_training.engine.experiment_files import Rows, TableLine, TableSpec
from lnstation_training.engine.values import FoldResult
from lnstation_training.evaluation.comparison import GAIN_HEADER, GAIN_NOTE, gain_cells
from lnstation_training.evaluation.discrimination import METRICS, auc
from lnstation_training.tasks.station_classification.evaluation import RunEvaluation, calibrated_logits
from lnstation_training.tasks.station_classification.prediction import Prediction
from lnstation_training.tasks.station_classification.size_criterion import LIMIT_MM, size_criterion, size_scores
from lnstation_training.tasks.station_classification.summary import MetricEstimate, Summary, summarize
from LNStationLib.anatomy.station_groups import group_titles, station_groups
from LNStationLib.support.errors import InputError

METRIC_TITLES: Mapping[str, str] = {
    "auc": "AUC",
    "s_at_r75": "S@R75",
    "s_at_r80": "S@R80",
    "r_at_s75": "R@S75",
    "r_at_s80": "R@S80",
}
_FEW = ("auc", "s_at_r80", "r_at_s80")
NOT_RUN = "not run"


StationResults = Mapping[str, Sequence[FoldResult]]
"""Results by row; every evaluation is a ``RunEvaluation``."""


def _evaluation(result: FoldResult) -> RunEvaluation:
    evaluation = result.evaluation
    if not isinstance(evaluation, RunEvaluation):
        raise TypeError(f"{type(evaluation).__name__} is not an evaluation of station classification")
    return evaluation


@dataclass(frozen=True)
class Pooled:
    """A row's test predictions of all its folds together.

    Attributes:
        results: By fold.
        predictions: Of all folds, their logits calibrated on each fold's validation part, station groups by three.
        summary: Of these, with intervals.
        fold_aucs: AUC within each fold.
    """

    results: Sequence[FoldResult]
    predictions: list[Prediction]
    summary: Summary
    fold_aucs: list[float]

    @property
    def parameters(self) -> int:
        """Trained parameters, of all networks where there are several."""
        by_row = {result.row: result.evaluation.parameters for result in self.results}
        return sum(by_row.values())

    @property
    def folds(self) -> list[int]:
        """Folds that were run for every row of the line."""
        return sorted({result.fold for result in self.results})


TABLE_KINDS = ("metrics", "groups", "attention", "experts", "routing")


def tables_markdown(rows: Rows, results: StationResults) -> str:
    """The tables as Markdown, with what was spent on them.

    Raises:
        InputError: A table is of a kind that this task does not draw.
    """
    for table in rows.tables:
        if table.kind not in TABLE_KINDS:
            raise InputError(f"Table {table.title!r} is of kind {table.kind!r}: choose {', '.join(TABLE_KINDS)}.")
    parts = [f"# {rows.title}: results", _what_was_run(results)]
    pooled: dict[tuple[str, ...], Pooled] = {}
    for table in rows.tables:
        if any(name in results for line in table.lines for name in line.rows):
            parts.append(_table(table, rows, results, pooled))
    return "\n\n".join(parts) + "\n"


def _what_was_run(results: StationResults) -> str:
    every = [result for row in results.values() for result in row]
    first = _evaluation(every[0])
    folds = sorted({result.fold for result in every})
    tested = {(sample.patient, sample.station) for result in every for sample in _evaluation(result).samples}
    positive = {
        (sample.patient, sample.station) for result in every for sample in _evaluation(result).samples if sample.label
    }
    counts = first.counts
    patients = sum(part.patients for part in counts.values())
    stations = sum(part.stations for part in counts.values())
    made_up = " They are synthetic: none of these figures says anything about patients." if first.synthetic else ""
    return (
        f"Cohort: {first.cohort}, {patients} patients, {stations} labeled stations.{made_up} "
        f"Setting: {every[0].setting}. Folds run: {', '.join(map(str, folds))}; in each, {counts['train'].patients} "
        f"patients train, {counts['validation'].patients} choose the epoch and calibrate, and "
        f"{counts['test'].patients} test. Epochs: {first.epochs}. Tested in all: {len({p for p, _ in tested})} "
        f"patients, {len(tested)} stations, {len(positive)} positive.\n\n"
        "Figures are of all test stations of these folds together, each fold calibrated on its validation part, in "
        f"percent, with 95 % intervals by bootstrap over patients. {GAIN_NOTE}"
    )


def pool(results: Sequence[FoldResult]) -> Pooled:
    """Take a row's folds (or several rows over different stations) together."""
    groups = station_groups(3)
    predictions, fold_aucs = [], []
    for result in results:
        found = _evaluation(result)
        logits = calibrated_logits(found.samples, found.calibration)
        predictions += [
            sample.model_copy(update={"logit": float(logit), "group": groups[sample.station]})
            for sample, logit in zip(found.samples, logits, strict=True)
        ]
        value = found.summary.metric("auc").value
        if value is not None:
            fold_aucs.append(value)
    # Routing is given by group of the row's own number of experts, not of three; each fold's JSON has it.
    plain = [each.model_copy(update={"router": []}) for each in predictions]
    return Pooled(results, predictions, summarize(plain), fold_aucs)


def _table(
    table: TableSpec,
    rows: Rows,
    results: StationResults,
    pooled: dict[tuple[str, ...], Pooled],
) -> str:
    header = _header(table)
    body = []
    reference = _pooled((table.reference,), results, pooled) if table.reference else None
    for line in table.lines:
        title = line.title or rows.rows[line.rows[0]].title
        found = _pooled(tuple(line.rows), results, pooled)
        cells = [NOT_RUN, *[""] * (len(header) - 2)] if found is None else _cells(table, found, reference, line)
        body.append([title, *cells])
    if table.kind == "metrics":
        body += _size_lines(results, pooled, len(header))
    lines = [f"## {table.title}", "", _markdown_row(header), _markdown_row(["---"] * len(header))]
    return "\n".join([*lines, *(_markdown_row(row) for row in body)])


def _pooled(
    names: tuple[str, ...],
    results: StationResults,
    pooled: dict[tuple[str, ...], Pooled],
) -> Pooled | None:
    """The pooled rows, computed once; ``None`` where one of them was not run."""
    if any(name not in results for name in names):
        return None
    if names not in pooled:
        pooled[names] = pool([result for name in names for result in results[name]])
    return pooled[names]


def _header(table: TableSpec) -> list[str]:
    if table.kind == "groups":
        return ["Network", "Parameters", "Upper", "Middle", "Lower", "Mean", "Folds"]
    if table.kind == "attention":
        return ["Network", *(METRIC_TITLES[name] for name in _FEW), "Attention in nodes", "Folds"]
    if table.kind == "routing":
        return ["Routing", *(f"{title.capitalize()} stations" for title in group_titles(3)), *_ROUTED, "AUC", "Folds"]
    if table.kind == "experts":
        return ["Experts", *(METRIC_TITLES[name] for name in _FEW), "Folds"]
    measured = [*METRIC_TITLES.values(), *GAIN_HEADER, "AUC by fold"]
    return ["Network", "Parameters", *measured, "Attention in nodes", "Folds"]


def _cells(table: TableSpec, found: Pooled, reference: Pooled | None, line: TableLine) -> list[str]:
    folds = ", ".join(map(str, found.folds))
    summary = found.summary
    parameters = f"{found.parameters / 1e6:.2f} M"
    if table.kind == "groups":
        groups = [estimate_text(summary.metric("auc", group)) for group in ("upper", "middle", "lower")]
        return [parameters, *groups, _percent(summary.mean_group_auc), folds]
    if table.kind == "routing":
        return [*_routing_cells(found), estimate_text(summary.metric("auc")), folds]
    if table.kind in ("attention", "experts"):
        few = [estimate_text(summary.metric(name)) for name in _FEW]
        inside = [_percent(summary.attention_inside)] if table.kind == "attention" else []
        return [*few, *inside, folds]
    gain = [""] * len(GAIN_HEADER)
    if reference is not None and line.rows != [table.reference]:
        gain = gain_cells(_by_station(found), _by_station(reference))
    by_fold = ", ".join(f"{100 * value:.1f}" for value in found.fold_aucs)
    figures = [estimate_text(summary.metric(name)) for name in METRICS]
    return [parameters, *figures, *gain, by_fold, _percent(summary.attention_inside), folds]


_ROUTED = ("All stations", "Tokens", "Stations tested")


def _routing_cells(found: Pooled) -> list[str]:
    """Percent of stations that went to their group's expert, by group and in all, over all folds; tokens likewise."""
    known = [each for each in (_evaluation(result).routing for result in found.results) if each is not None]
    if not known:
        return ["-"] * (3 + len(_ROUTED))
    weights = [each.n_stations for each in known]
    by_group = [np.average([each.confusion[n][n] for each in known], weights=weights) for n in range(3)]
    both = [np.average([getattr(each, name) for each in known], weights=weights) for name in ("stations", "tokens")]
    return [*(_percent(float(value)) for value in [*by_group, *both]), str(sum(weights))]


def _size_lines(results: StationResults, pooled: dict[tuple[str, ...], Pooled], columns: int) -> list[list[str]]:
    """The AUC of size over the same stations, as a score and as a criterion, to hold the networks against."""
    rows = [row for row in results if len(results[row]) == max(len(each) for each in results.values())]
    found = _pooled((rows[0],), results, pooled)
    if found is None:
        return []
    labels = np.array([each.label for each in found.predictions])
    lines = [("Largest short axis alone", auc(labels, size_scores(found.predictions)))]
    criterion = size_criterion(found.predictions)
    if criterion is not None:
        both = f"sensitivity {_percent(criterion.sensitivity)}, specificity {_percent(criterion.specificity)}"
        lines.append((f"Short axis of at least {LIMIT_MM:g} mm ({both})", criterion.auc))
    folds = ", ".join(map(str, found.folds))
    return [[title, "", _percent(value), *[""] * (columns - 4), folds] for title, value in lines]


def _by_station(pooled: Pooled) -> dict[Hashable, Prediction]:
    return {(each.patient, each.station): each for each in pooled.predictions}


def estimate_text(estimate: MetricEstimate) -> str:
    """Percent with interval, ``-`` where it is not defined."""
    if estimate.value is None:
        return "-"
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f" ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"
    return f"{100 * estimate.value:.1f}{interval}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
