"""Tables of an experiment on organs, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.values import FoldResult


def tables_markdown(rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
    """Mean Dice of every organ, a column for each row of the experiment.

    Args:
        rows: Of ``rows.yaml``.
        results: Results by row.
    """
    named = [name for name in rows.rows if name in results]
    columns = {name: _mean_dice(results[name]) for name in named}
    organs = list(dict.fromkeys(organ for column in columns.values() for organ in column))
    lines = [f"# {rows.title}", "", "Mean Dice on patients that training has not seen.", ""]
    lines.append(f"| organ | {' | '.join(rows.rows[name].title for name in named)} |")
    lines.append("| --- |" + " --- |" * len(named))
    for organ in organs:
        cells = [f"{columns[name][organ]:.3f}" if organ in columns[name] else "" for name in named]
        lines.append(f"| {organ.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _mean_dice(results: Sequence[FoldResult]) -> dict[str, float]:
    """By organ, over all patients of all folds; the mean over organs last."""
    values: dict[str, list[float]] = {}
    for result in results:
        for patient in result.evaluation.patients:  # type: ignore[attr-defined]  # an OrganEvaluation
            for score in patient.scores:
                if score.dice is not None:
                    values.setdefault(score.name, []).append(score.dice)
    means = {name: sum(found) / len(found) for name, found in values.items()}
    return {**means, "mean": sum(means.values()) / len(means)} if means else {}
