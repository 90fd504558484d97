"""Tables of an experiment on nodes, as Markdown: all measures, OSLN's Tables 1a and 1b, and what each part adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lnstation_training.engine.experiment_files import Rows, TableSpec
from lnstation_training.engine.values import FoldResult
from lnstation_training.evaluation.detection import PatientHits, gain, mean_recall_at
from lnstation_training.tasks.node_detection.baselines import BASELINES
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
        if fusion.name in _STREAM_NAMES:
            lines.append(f"| {' | '.join([title, fusion.name, *_shown(fusion)])} |")
    return lines


@dataclass(frozen=True)
class _Compared:
    """One detector beside another on the same patients."""

    title: str
    name: str
    against: str
    before: list[PatientHits]
    after: list[PatientHits]
    folds: str


def _gain_lines(rows: Rows, table: TableSpec, results: Mapping[str, Sequence[FoldResult]]) -> list[str]:
    """Differences of mFROC with intervals by patient: fusions of a row, or rows against the table's reference."""
    lines = [
        "| row | networks | against | folds | patients | nodes | mFROC | of the other | gain |",
        "| --- |" + " --- |" * 8,
    ]
    for each in _compared(rows, table, results):
        found = gain(each.before, each.after, n_resamples=_RESAMPLES)
        n_nodes = sum(len(patient.nodes) for patient in each.after)
        cells = [each.title, each.name, each.against, each.folds, str(len(each.after)), str(n_nodes)]
        cells += [f"{mean_recall_at(hits):.3f}" for hits in (each.after, each.before)]
        bounds = "" if found.low is None or found.high is None else f" ({found.low:+.3f} to {found.high:+.3f})"
        lines.append(f"| {' | '.join([*cells, f'{found.value:+.3f}{bounds}'])} |")
    return lines


def _compared(rows: Rows, table: TableSpec, results: Mapping[str, Sequence[FoldResult]]) -> Iterator[_Compared]:
    """Pairs of a table whose results tell every patient, the folds that both have taken together."""
    for row in (name for line in table.lines for name in line.rows if name in results):
        other = table.reference or row
        for name, against in _PAIRS if other == row else [(one, one) for one in _STREAM_NAMES]:
            after, before = _by_fold(results[row], name), _by_fold(results.get(other, ()), against)
            folds = sorted(set(after) & set(before))
            if folds:
                yield _Compared(
                    rows.rows[row].title,
                    name,
                    against if other == row else rows.rows[other].title,
                    [each for fold in folds for each in before[fold]],
                    [each for fold in folds for each in after[fold]],
                    ", ".join(map(str, folds)),
                )


def _by_fold(results: Sequence[FoldResult], name: str) -> dict[int, list[PatientHits]]:
    """Patients of a fusion by fold; results that do not tell them are left out."""
    return {
        result.fold: fusion.patients
        for result in results
        for fusion in _of(result.evaluation).fusions
        if fusion.name == name and fusion.patients
    }


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
_STREAM_NAMES = ("CT", "EF")
_PAIRS = (
    ("EF", "CT"),
    ("LF", "CT"),
    ("LF", "EF"),
    *((f"{name}, stratified", name) for name in ("CT", "EF", "LF")),
    ("LF, stratified, not masked", "LF, stratified"),
    *(("LF", baseline) for baseline in BASELINES),
)
"""What each part of OSLN adds: early fusion, late fusion, stratification, masks; then the classical detectors."""
_RESAMPLES = 1000
_KINDS = {"fusions": _fusion_lines, "backbones": _backbone_lines, "gains": _gain_lines}


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
