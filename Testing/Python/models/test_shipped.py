"""Packages that come with LNStation: small, whole, honest about their training, and better than size."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.models.package import read_package

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = sorted((ROOT / "Resources" / "Models").glob("*"))
LARGEST_BYTES = 15_000_000
LEAST_GAIN = 0.05


def test_there_is_a_package() -> None:
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
class TestShipped:
    def test_is_small_and_loads_into_its_network(self, path: Path) -> None:
        assert path.stat().st_size <= LARGEST_BYTES
        package = read_package(path)
        assert package.manifest.weights.dtype == "float16"
        assert sum(weight.numel() for weight in package.network().parameters()) > 0

    def test_says_that_it_was_trained_on_synthetic_patients(self, path: Path) -> None:
        card = read_package(path).manifest
        assert card.trained_on == "synthetic"
        assert "Synthetic" in card.cohort.title
        assert all("Synthetic" in metric.cohort for metric in card.metrics)

    def test_beats_size_on_patients_that_it_has_not_seen(self, path: Path) -> None:
        metrics = {metric.name: metric for metric in read_package(path).manifest.metrics}
        assert "test part" in metrics["auc"].cohort
        for size in ("auc of the largest short axis alone", "auc of a short axis of at least 10 mm"):
            assert metrics["auc"].value >= metrics[size].value + LEAST_GAIN
