"""A package's probabilities fitted anew on other patients; its weights stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.prepared import SPEC, write_prepared  # noqa: E402
from training.runs import fit_arguments, fit_stations  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from lnstation_training.cli.app import app  # noqa: E402
from lnstation_training.engine.export import ExportRequest, export_run  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402
from lnstation_training.tasks.station_classification import recalibration  # noqa: E402
from lnstation_training.tasks.station_classification.prediction import Prediction, predict  # noqa: E402
from lnstation_training.tasks.station_classification.recalibration import Recalibration, recalibrate  # noqa: E402
from LNStationLib.models.package import StationClassification, read_package  # noqa: E402
from LNStationLib.support.errors import InputError, OutputError  # noqa: E402


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_prepared(tmp_path_factory.mktemp("prepared") / "data")
    file = folder / "prepared.json"
    text = file.read_text(encoding="utf-8")
    assert '"whole_station": false' in text
    file.write_text(text.replace('"whole_station": false', '"whole_station": true'), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    trained = fit_stations(fit_arguments(write_prepared(folder / "data"), folder / "run", 6)).folder
    wanted = ExportRequest(trained, folder / "old.zip", "drawn-regions", "1.0.0", "Drawn regions", "CC-BY-4.0")
    export_run(wanted, task_named("station_classification"))
    return wanted.out


def telling(*arguments: Any) -> list[Prediction]:
    """The network's answers, moved so that four in five tell the classes: what six epochs teach is chance."""
    moved = []
    for number, answer in enumerate(predict(*arguments)):
        is_told = number % 5 != 0
        moved.append(answer.model_copy(update={"logit": answer.logit + (2 if answer.label == is_told else -2)}))
    return moved


def test_the_network_stays_and_what_is_fitted_is_of_the_other_patients(
    package: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalibration, "predict", telling)
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
    assert section.conformal.fitted_on == "patients that the network has not seen: 18 patients, 54 stations"
    auc = next(metric for metric in new.manifest.metrics if metric.name == "auc")
    assert (auc.n_patients, auc.counts) == (18, {"stations": 54})
    covered = {metric.name: metric.value for metric in new.manifest.metrics if "conformal" in metric.name}
    assert len(covered) == 3
    assert all(0 <= value <= 1 for value in covered.values())


def test_options_that_only_node_packages_have_are_not_ignored(package: Path, prepared: Path, tmp_path: Path) -> None:
    arguments = ["--data", str(prepared), "--out", str(tmp_path / "new.zip"), "--version", "2"]
    result = CliRunner().invoke(app, ["recalibrate", str(package), *arguments, "--workers", "2", "--add-views"])
    assert result.exit_code != 0
    assert "--add-views, --workers: only for packages that find nodes" in result.stderr
    assert not (tmp_path / "new.zip").exists()


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
