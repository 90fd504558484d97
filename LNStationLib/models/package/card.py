"""A package's card for people and for the Slicer module's list of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from LNStationLib.models.package.manifest import Manifest, Metric

SYNTHETIC_ONLY = "trained on synthetic patients only"


def card(manifest: Manifest, path: Path, source: str) -> dict[str, Any]:
    """Everything of a card as JSON content, with one line for a list; see docs/worker.md."""
    return {
        "id": manifest.package_id,
        "version": manifest.version,
        "title": manifest.title,
        "summary": summary(manifest),
        "path": str(path),
        "source": source,
        "task": manifest.task,
        "network": manifest.network.name,
        "trained_on": manifest.trained_on,
        "licence": manifest.licence,
        "intended_use": manifest.intended_use,
        "stations": list(manifest.stations),
        "inputs": list(manifest.inputs),
        "region": manifest.region.model_dump(mode="json"),
        "calibrated": manifest.calibration is not None,
        "operating_points": [point.model_dump(mode="json") for point in manifest.operating_points],
        "metrics": [metric.model_dump(mode="json") for metric in manifest.metrics],
        "cohort": manifest.cohort.model_dump(mode="json"),
        "references": list(manifest.references),
        "created": manifest.created,
        "lnstation_version": manifest.lnstation_version,
        "sha256": manifest.weights.sha256,
        "n_bytes": manifest.weights.n_bytes,
    }


def summary(manifest: Manifest) -> str:
    """One line: title, version, first metric, and what it was trained on where that is no patient."""
    parts = [f"{manifest.title} {manifest.version}"]
    parts += [metric_words(manifest.metrics[0])] if manifest.metrics else []
    parts += [SYNTHETIC_ONLY] if manifest.trained_on == "synthetic" else []
    return ", ".join(parts)


def metric_words(metric: Metric) -> str:
    """A metric with its interval and cohort."""
    return f"{_figure(metric)} on {metric.cohort}"


def metrics_words(metrics: Sequence[Metric]) -> str:
    """All metrics, each cohort named once."""
    by_cohort: dict[str, list[str]] = {}
    for metric in metrics:
        patients = "" if metric.n_patients is None else f" ({metric.n_patients} patients)"
        by_cohort.setdefault(f"{metric.cohort}{patients}", []).append(_figure(metric))
    return "\n".join(f"on {cohort}:\n  " + "\n  ".join(figures) for cohort, figures in by_cohort.items())


def _figure(metric: Metric) -> str:
    interval = "" if metric.low is None or metric.high is None else f" ({metric.low:.2f} to {metric.high:.2f})"
    return f"{metric.name} {metric.value:.2f}{interval}"
