"""Packages that come with LNStation: small, whole, honest about their training, and better than size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from metastasis.network_cases import Scene  # noqa: E402

from LNStationLib.models.package import (  # noqa: E402
    NodeClassification,
    StationClassification,
    read_manifest,
    read_package,
)

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = sorted((ROOT / "Resources" / "Models").glob("*"))
LARGEST_BYTES = 35_000_000
LARGEST_TOGETHER_BYTES = 60_000_000
SIZES = {
    StationClassification.task: ("auc of the largest short axis alone", "auc of a short axis of at least 10 mm"),
    NodeClassification.task: ("auc of the short axis alone",),
}
"""By task what a classifier's card holds it against."""
CLASSIFIERS = [path for path in SHIPPED if read_manifest(path).task in SIZES]
LEAST_GAIN = 0.05
DATA = Path(__file__).parent / "data"
PUBLISHED = {
    "2.0.0": (DATA / "esophagus_ct_2_0_0.zip", DATA / "esophagus_ct_2_0_0_probabilities.json"),
    "shipped": (ROOT / "Resources" / "Models" / "esophagus-ct.zip", DATA / "esophagus_ct_probabilities.json"),
}
"""Packages and their probabilities as first published; each file says by which version they were computed."""
HALF_OF_THE_LAST_DIGIT = 5e-5
ROUNDING = 2e-6
"""Of probabilities: ten times what another number of threads moves them by."""


def test_there_is_a_package_for_organs_and_one_for_metastasis() -> None:
    assert {read_manifest(path).task for path in SHIPPED} >= {"organ_segmentation", "station_classification"}


def test_all_packages_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED) <= LARGEST_TOGETHER_BYTES


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
class TestShipped:
    def test_is_small_and_loads_into_its_network(self, path: Path) -> None:
        assert path.stat().st_size <= LARGEST_BYTES
        package = read_package(path)
        assert package.manifest.networks[0].weights.dtype == "float16"
        assert sum(weight.numel() for weight in package.network().parameters()) > 0

    def test_says_that_it_was_trained_on_synthetic_patients(self, path: Path) -> None:
        card = read_package(path).manifest
        assert card.trained_on == "synthetic"
        assert "Synthetic" in card.cohort.title
        assert all("Synthetic" in metric.cohort for metric in card.metrics)


@pytest.mark.parametrize("path", CLASSIFIERS, ids=lambda path: path.name)
def test_a_classifier_beats_size_on_patients_that_it_has_not_seen(path: Path) -> None:
    card = read_package(path).manifest
    metrics = {metric.name: metric for metric in card.metrics}
    assert "test part" in metrics["auc"].cohort
    for size in SIZES[card.task]:
        assert metrics["auc"].value >= metrics[size].value + LEAST_GAIN


def drawn_regions(size: tuple[int, int, int], count: int) -> np.ndarray:
    """Noise around balls of growing size and attenuation: CT in [-1, 1] and the mask of the ball."""
    draw = np.random.default_rng(12)
    noise = draw.uniform(-1, 1, (count, *size)).astype(np.float32)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), -1)
    regions = []
    for number in range(count):
        center = draw.uniform(0.3, 0.7, 3) * size
        mask = np.linalg.norm((index - center) * [2.5, 1.6, 1.6], axis=-1) <= 4 + number
        ct = np.clip(noise[number] * 0.3 + mask * 0.1 * number, -1, 1)
        regions.append(np.stack([ct, mask.astype(np.float32)]))
    return np.stack(regions).astype(np.float32)


def golden(name: str) -> tuple[Path, dict[str, Any]]:
    package, probabilities = PUBLISHED[name]
    return package, json.loads(probabilities.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_gives_the_probabilities_that_it_was_published_with(name: str) -> None:
    path, expected = golden(name)
    package = read_package(path)
    section = package.section(StationClassification)
    regions = torch.from_numpy(drawn_regions(section.region.size, len(section.stations)))
    with torch.inference_mode():
        logits = package.network()(regions).logits.tolist()
    found = {name: section.probability(logit) for name, logit in zip(section.stations, logits, strict=True)}
    assert found == pytest.approx(expected["regions"], abs=ROUNDING)


def test_the_shipped_network_of_nodes_gives_the_probabilities_that_it_was_published_with() -> None:
    package = read_package(ROOT / "Resources" / "Models" / "metastasis-ct.zip")
    section = package.section(NodeClassification)
    # Balls of growing attenuation, at their own size and zoomed.
    index = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in section.patch.size), indexing="ij"))
    balls = np.stack([np.linalg.norm(index, axis=0) < radius for radius in (0.2, 0.5)])
    patches = np.stack([np.where(balls, 0.2 * number - 0.2, -0.8) for number in range(4)]).astype(np.float32)
    with torch.inference_mode():
        logits = package.network()(torch.from_numpy(patches)).logits.tolist()
    expected = json.loads((DATA / "metastasis_ct_probabilities.json").read_text(encoding="utf-8"))
    found = [section.calibration.probability(logit) for logit in logits]
    assert found == pytest.approx(expected["balls"], abs=ROUNDING)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("key", "flip_averaging"), [("scene", False), ("scene_flip_averaged", True)])
def test_an_assessment_by_a_published_package_shows_the_same_digits_as_before(
    name: str, key: str, flip_averaging: bool
) -> None:
    path, expected = golden(name)
    calls = Scene().assessed(path, flip_averaging=flip_averaging, engine="torch").stations
    found = {name: call.probability for name, call in calls.items() if call.probability is not None}
    assert found == pytest.approx(expected[key], abs=HALF_OF_THE_LAST_DIGIT)


def test_the_shipped_package_says_what_its_conformal_sets_cover() -> None:
    package = read_package(PUBLISHED["shipped"][0])
    section = package.section(StationClassification)
    metrics = {metric.name: metric.value for metric in package.manifest.metrics}
    assert section.region.whole_station
    assert section.conformal is not None
    assert metrics["coverage of the conformal sets made for 90 %"] == pytest.approx(
        section.conformal.coverage, abs=0.05
    )
    assert "coverage of the conformal sets, positive stations" in metrics
