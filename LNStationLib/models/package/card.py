"""A package's card: one definition for the console, the worker's answer and the Slicer module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from LNStationLib.models.package.manifest import Manifest
from LNStationLib.models.package.parts import CardRow, Counts, Metric, NetworkEntry
from LNStationLib.support.sentences import SYNTHETIC_ONLY

_TRAINED_ON = {"synthetic": "synthetic patients only", "clinical": "clinical images"}
_BYTES_PER_MB = 1e6


def card(manifest: Manifest[Any], path: Path, source: str) -> dict[str, Any]:
    """Everything of a card as JSON content; see docs/worker.md.

    The envelope, the fields of the task's section, one line for a list (``summary``), and ``rows`` for people.
    """
    return {
        "id": manifest.package_id,
        "version": manifest.version,
        "title": manifest.title,
        "summary": summary(manifest),
        "path": str(path),
        "source": source,
        "task": manifest.task,
        "task_title": manifest.section.task_title,
        "trained_on": manifest.trained_on,
        "licence": manifest.licence,
        "intended_use": manifest.intended_use,
        "networks": [entry.model_dump(mode="json") for entry in manifest.networks],
        "metrics": [metric.model_dump(mode="json") for metric in manifest.metrics],
        "cohort": manifest.cohort.model_dump(mode="json"),
        "references": list(manifest.references),
        "created": manifest.created,
        "lnstation_version": manifest.lnstation_version,
        "sha256": manifest.sha256,
        "n_bytes": manifest.n_bytes,
        "rows": [asdict(row) for row in card_rows(manifest)],
        **manifest.section.model_dump(mode="json"),
    }


def card_rows(manifest: Manifest[Any]) -> list[CardRow]:
    """The card for people, row by row: whom it was trained on, what its task adds, and what it rests on."""
    cohort = manifest.cohort
    trained_on = (_TRAINED_ON[manifest.trained_on], f"{cohort.title}: {_patients(cohort.n_patients, cohort.counts)}")
    return [
        CardRow("Task", (manifest.section.task_title,)),
        CardRow("Trained on", (*trained_on, *([cohort.description] if cohort.description else []))),
        CardRow("Metrics", tuple(metric_lines(manifest.metrics)) or ("none given",)),
        *manifest.section.card_rows(),
        CardRow("Networks", tuple(_network(entry) for entry in manifest.networks)),
        CardRow("Intended use", (manifest.intended_use,)),
        CardRow("License", (manifest.licence,)),
        CardRow("References", tuple(manifest.references) or ("none given",)),
        CardRow("Created", (f"{manifest.created}, LNStation {manifest.lnstation_version}",)),
    ]


def summary(manifest: Manifest[Any]) -> str:
    """One line: title, version, first metric, and a warning where no real patient was seen in training."""
    parts = [f"{manifest.title} {manifest.version}"]
    parts += [f"{_figure(metric)} on {metric.cohort}" for metric in manifest.metrics[:1]]
    parts += [SYNTHETIC_ONLY] if manifest.trained_on == "synthetic" else []
    return ", ".join(parts)


def metric_lines(metrics: Sequence[Metric]) -> list[str]:
    """All metrics, each cohort named once above its own."""
    by_cohort: dict[str, list[str]] = {}
    for metric in metrics:
        cohort = f"on {metric.cohort} ({_patients(metric.n_patients, {})}):"
        counts = f", {_counted(metric.counts)}" if metric.counts else ""
        by_cohort.setdefault(cohort, []).append(f"  {_figure(metric)}{counts}")
    return [line for cohort, figures in by_cohort.items() for line in (cohort, *figures)]


def _figure(metric: Metric) -> str:
    interval = "" if metric.low is None or metric.high is None else f" ({metric.low:.2f} to {metric.high:.2f})"
    return f"{metric.name} {metric.value:.2f}{interval}"


def _patients(number: int, counts: Counts) -> str:
    return ", ".join([f"{number} patient{'' if number == 1 else 's'}", *([_counted(counts)] if counts else [])])


def _counted(counts: Counts) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def _network(entry: NetworkEntry) -> str:
    weights = entry.weights
    size = f"{weights.n_bytes / _BYTES_PER_MB:.1f} MB, {weights.dtype}"
    return f"{entry.role}: {entry.name}, {size}, SHA-256 {weights.sha256}"
