"""Arguments of small runs on drawn regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lnstation_training.engine.fit import FitCLI, fit
from lnstation_training.tasks import task_named

SMALL = {"width": 0.1}


def fit_arguments(prepared: Path, out: Path, epochs: int = 1, **model: Any) -> dict[str, Any]:
    """What ``fit`` takes for a network of 0.07 M parameters on the CPU."""
    return {
        "seed_everything": 0,
        "out": str(out),
        "model": {"network": "mobilevitv2_sa_moe", "network_arguments": SMALL, "learning_rate": 2e-3, **model},
        "data": {"folder": str(prepared), "batch_size": 12, "augment": True},
        "trainer": {
            "max_epochs": epochs,
            "accelerator": "cpu",
            "devices": 1,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
    }


def fit_stations(arguments: Any, **options: Any) -> FitCLI:
    """Fit a station classifier."""
    return fit(arguments, task_named("station_classification"), **options)
