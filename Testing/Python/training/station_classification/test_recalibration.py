"""A package's probabilities fitted anew on other patients; its weights stay."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from models.packages import manifest  # noqa: E402
from training.prepared import SPEC, STATIONS, write_prepared  # noqa: E402

from lnstation_training.tasks.station_classification.recalibration import Recalibration, recalibrate  # noqa: E402
from LNStationLib.models.package import StationClassification, read_package, write_package  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402
from LNStationLib.support.errors import InputError, OutputError  # noqa: E402


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packages") / "old.zip"
    torch.manual_seed(0)
    network = build_network("mobilevitv2_sa_moe", {"width": 0.1}).eval()
    fields = {"region": SPEC, "stations": list(STATIONS)}
    write_package(path, {"classifier": network}, lambda weights: manifest(weights, **fields), "float16")
    return path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_prepared(tmp_path_factory.mktemp("prepared") / "data")
    file = folder / "prepared.json"
    text = file.read_text(encoding="utf-8")
    assert '"whole_station": false' in text
    file.write_text(text.replace('"whole_station": false', '"whole_station": true'), encoding="utf-8")
    return folder


def test_the_network_stays_and_what_is_fitted_is_of_the_other_patients(
    package: Path, prepared: Path, tmp_path: Path
) -> None:
    old = read_package(package)
    recalibrate(Recalibration(package, prepared, tmp_path / "new.zip", "1.1.0"))
    new = read_package(tmp_path / "new.zip")
    assert new.manifest.sha256 == old.manifest.sha256
    assert new.manifest.cohort == old.manifest.cohort
    assert (new.manifest.version, new.manifest.networks[0].arguments["width"]) == ("1.1.0", 0.1)
    section = new.section(StationClassification)
    assert section.region == SPEC.model_copy(update={"whole_station": True})
    assert section.conformal is not None
    assert [each.title for each in section.conformal.groups] == ["upper", "middle", "lower"]
    assert "validation part of fold 0: 6 patients, 18 stations" in section.conformal.fitted_on
    auc = next(metric for metric in new.manifest.metrics if metric.name == "auc")
    # All but the six patients that calibrate.
    assert (auc.n_patients, auc.counts) == (12, {"stations": 36})
    assert "not seen before" in auc.cohort


def test_an_existing_file_and_regions_of_another_kind_are_refused(
    package: Path, prepared: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="exists already"):
        recalibrate(Recalibration(package, prepared, package, "1.1.0"))
    other = write_prepared(tmp_path / "other")
    text = (other / "prepared.json").read_text(encoding="utf-8")
    (other / "prepared.json").write_text(text.replace("-200.0", "-150.0"), encoding="utf-8")
    with pytest.raises(InputError, match="regions of another kind than the package"):
        recalibrate(Recalibration(package, other, tmp_path / "new.zip", "1.1.0"))
