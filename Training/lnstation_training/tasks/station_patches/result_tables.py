"""Tables 4 to 6 and Fig. 9 of Engelson et al. 2026 as Markdown, from the results of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lnstation_training.engine.experiment_files import Rows, TableSpec
from lnstation_training.engine.values import FoldResult
from lnstation_training.evaluation.staging import PairedTest, confusion, mcnemar, sign_flips
from lnstation_training.tasks.station_patches.calls import OVERLAPS, Calls
from lnstation_training.tasks.station_patches.evaluation import (
    LESIONS,
    NETWORK,
    SUV,
    Figures,
    StagingEvaluation,
)
from LNStationLib.support.errors import InputError

STATION_COLUMNS = ("accuracy", "balanced_accuracy", "sensitivity", "specificity")
STAGE_COLUMNS = ("accuracy", "sensitivity", "specificity")
_TITLES = {"accuracy": "Acc.", "balanced_accuracy": "Bal. acc.", "sensitivity": "Sens.", "specificity": "Spec."}
_BASELINES = {SUV: "SUVmax threshold", **{f"{LESIONS} {o:g}": f"Lesion overlap above {o:g}" for o in OVERLAPS}}
KINDS = ("with_baselines", "rows", "confusion")
_NOTE = (
    "Mean and standard deviation over folds; N: macro over the categories that occur. Against the reference on the "
    "same samples, all folds together: gain in accuracy with its 95 % interval by bootstrap over patients; p of "
    "McNemar's test for stations, which takes them as independent, and of sign flips over patients for N."
)


def tables_markdown(rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
    """The tables with what was spent on them.

    Raises:
        InputError: A table is of a kind that is not drawn.
    """
    for table in rows.tables:
        if table.kind not in KINDS:
            raise InputError(f"Table {table.title!r} is of kind {table.kind!r}: choose {', '.join(KINDS)}.")
    drawn = [_table(table, rows, results) for table in rows.tables]
    return "\n\n".join([f"# {rows.title}: results", _what_was_run(results), *filter(None, drawn)]) + "\n"


def _what_was_run(results: Mapping[str, Sequence[FoldResult]]) -> str:
    every = [result for row in results.values() for result in row]
    first = evaluation_of(every[0])
    folds = ", ".join(str(fold) for fold in sorted({result.fold for result in every}))
    seeds = ", ".join(str(seed) for seed in sorted({result.seed for result in every}))
    thresholds = sorted({evaluation_of(result).suv_threshold for result in every})
    tested = {patient.patient for result in every for patient in evaluation_of(result).patients}
    made_up = " They are synthetic: none of these figures says anything about patients." if first.synthetic else ""
    seconds = {row: np.mean([result.seconds for result in found]) for row, found in results.items()}
    spent = "; ".join(f"{row} {mean:.0f}" for row, mean in seconds.items())
    return (
        f"Cohort: {first.cohort}.{made_up} Setting: {every[0].setting}. Folds run: {folds}; seed {seeds}; at most "
        f"{first.epochs} epochs; {first.training_patients} patients train in fold {first.fold}, "
        f"{len(tested)} are tested over all folds. N category by {first.rules}. SUV thresholds chosen on training "
        f"parts: {', '.join(f'{each:g}' for each in thresholds)}. Seconds a run: {spent}.{_other_truth(results)}"
    )


def _other_truth(results: Mapping[str, Sequence[FoldResult]]) -> str:
    """Rows that learn from pathology, and are held to it; all others are imaging's."""
    rows = [row for row, found in results.items() if evaluation_of(found[0]).target == "pathology"]
    return f" The truth is imaging's (cN), of {', '.join(rows)} pathology's (pN)." if rows else ""


def evaluation_of(result: FoldResult) -> StagingEvaluation:
    """A result's evaluation.

    Raises:
        TypeError: It is another task's.
    """
    if not isinstance(result.evaluation, StagingEvaluation):
        raise TypeError(f"{type(result.evaluation).__name__} is not an evaluation of stations and N category")
    return result.evaluation


Line = tuple[str, Sequence[FoldResult], str]
"""Title, results, and the way to call stations."""


def _table(table: TableSpec, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
    lines: list[Line] = [
        (line.title or rows.rows[name].title, results[name], NETWORK)
        for line in table.lines
        for name in line.rows
        if name in results
    ]
    if not lines:
        return ""
    reference = results.get(table.reference or "")
    if table.kind in ("with_baselines", "confusion"):
        of = reference or lines[0][1]
        lines += [(title, of, way) for way, title in _BASELINES.items()]
    if table.kind == "confusion":
        return "\n\n".join([f"## {table.title}", *(_matrices(line) for line in lines)])
    header = ["", *(f"station {_TITLES[c]}" for c in STATION_COLUMNS), *(f"N {_TITLES[c]}" for c in STAGE_COLUMNS)]
    header += [] if reference is None else ["station gain", "p", "N gain", "p"]
    body = [_cells(line, reference) for line in lines]
    return "\n".join(
        [f"## {table.title}", "", _row(header), _row(["---"] * len(header)), *map(_row, body), "", _NOTE]
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(line: Line, reference: Sequence[FoldResult] | None) -> list[str]:
    title, results, way = line
    stations = [evaluation_of(result).station_figures[way] for result in results]
    stages = [evaluation_of(result).stage_figures[way] for result in results]
    cells = [title, *(_spread(stations, c) for c in STATION_COLUMNS), *(_spread(stages, c) for c in STAGE_COLUMNS)]
    if reference is None:
        return cells
    return cells + _gains(line, reference)


def _spread(found: Sequence[Figures], name: str) -> str:
    values = [value for value in (getattr(each, name) for each in found) if value is not None]
    if not values:
        return ""
    return f"{np.mean(values):.2f}" + (f" ± {np.std(values):.2f}" if len(values) > 1 else "")


def _gains(line: Line, reference: Sequence[FoldResult]) -> list[str]:
    _, results, way = line
    if len({evaluation_of(result).target for result in (*results, *reference)}) > 1:
        return [""] * 4  # right by one truth and right by another cannot be compared
    folds = {result.fold: evaluation_of(result).calls(NETWORK) for result in reference}
    ours = {result.fold: evaluation_of(result).calls(way) for result in results}
    both = sorted(set(folds) & set(ours))
    if not both or (results is reference and way == NETWORK):
        return [""] * 4
    pairs = [(ours[fold], folds[fold]) for fold in both]
    return [*_told(station_test(pairs)), *_told(stage_test(pairs))]


def station_test(pairs: Sequence[tuple[Calls, Calls]]) -> PairedTest:
    """McNemar's test of the first calls against the second on the same stations."""
    right, other = (_right([pair[which].stations for pair in pairs]) for which in (0, 1))
    return mcnemar(right, other, np.array([name for ours, _ in pairs for name in ours.patients_of_stations]))


def stage_test(pairs: Sequence[tuple[Calls, Calls]]) -> PairedTest:
    """Permutation test of N categories, by sign flips over patients."""
    right, other = (_right([pair[which].stages for pair in pairs]) for which in (0, 1))
    patients = np.array([name for ours, _ in pairs for name in ours.patients])
    return sign_flips(right.astype(float) - other.astype(float), patients)


def _right(parts: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
    return np.array([truth == called for part in parts for truth, called in part], bool)


def _told(test: PairedTest) -> list[str]:
    p = "< 0.001" if test.p_value < 0.001 else f"{test.p_value:.3f}"
    return [f"{test.difference:+.3f} ({test.low:+.3f} to {test.high:+.3f})", p]


def _matrices(line: Line) -> str:
    title, results, way = line
    calls = [evaluation_of(result).calls(way) for result in results]
    stations = _counts([pair for each in calls for pair in each.stations], ("benign", "malignant"))
    stages = _counts([pair for each in calls for pair in each.stages], ("N0", "N1", "N2", "N3"))
    return f"### {title}\n\n{stations}\n\n{stages}"


def _counts(pairs: Sequence[tuple[int, int]], names: Sequence[str]) -> str:
    truth, called = np.array(pairs, int).reshape(-1, 2).T
    counts = confusion(truth, called, len(names))
    header = ["truth \\ called", *names]
    body = [[name, *map(str, row)] for name, row in zip(names, counts, strict=True)]
    return "\n".join([_row(header), _row(["---"] * len(header)), *map(_row, body)])
