"""A task from outside the training library: patients with or without nodal metastases, from the whole CT."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import SimpleITK as sitk
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.engine.data_module import FoldDataModule, FoldDataset
from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.module import NetworkModule
from lnstation_training.engine.prepared import claim_folder, read_geometry
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Evaluation, FileType, Monitor, PackageContent, Part, Report
from LNStationLib.models.package import CohortSummary, Manifest, Metric, OneInputSection
from LNStationLib.models.package.sections import NetworkInput

CHANNELS = ("ct",)


class Volume(BaseModel):
    """Geometry of a sample along z, y, x."""

    size: tuple[int, int, int] = (8, 24, 24)
    spacing_mm: tuple[float, float, float] = (5.0, 4.0, 4.0)


class ToySection(OneInputSection):
    """What a package says: its volume and the threshold on the probability."""

    task: ClassVar[str] = "toy_patients"
    task_title: ClassVar[str] = "Nodal metastases, yes or no"
    roles: ClassVar[tuple[str, ...]] = ("whole",)

    volume: Volume
    threshold: float

    def network_input(self, role: str) -> NetworkInput:
        return NetworkInput(tuple(self.channels), self.volume.size)


@dataclass(frozen=True)
class ToySample:
    patient: str
    label: int | None


class ToyDataset(FoldDataset):
    def __init__(self, folder: Path, samples: Sequence[ToySample]) -> None:
        self.folder, self.samples = folder, list(samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = self.samples[index]
        volume = torch.from_numpy(np.load(self.folder / f"{sample.patient}.npy"))[None]
        return {"volume": volume, "label": torch.tensor(float(sample.label or 0)), "patient": sample.patient}


class ToyData(FoldDataModule):
    """Patients of one fold."""

    unit = "patient"

    def read_samples(self) -> list[ToySample]:
        with (self.folder / "patients.csv").open(newline="", encoding="utf-8") as file:
            return [ToySample(row["patient"], int(row["label"])) for row in csv.DictReader(file)]

    def build_dataset(self, samples: Sequence[ToySample], augment: bool) -> ToyDataset:
        return ToyDataset(self.folder, samples)


class ToyModule(NetworkModule):
    """A network for whole volumes.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it.
        learning_rate: AdamW's.
    """

    def __init__(
        self,
        network: str = "mobilevitv2",
        network_arguments: dict[str, Any] | None = None,
        learning_rate: float = 1e-3,
    ) -> None:
        super().__init__(network, network_arguments, learning_rate, channels=CHANNELS)
        self.save_hyperparameters()

    def loss(self, batch: Mapping[str, Any]) -> Tensor:
        logits = self.network(batch["volume"]).logits
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, batch["label"])

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        loss = self.checked_loss(self.loss(batch), batch, batch_index)
        self.log_parts("train", {"loss": loss}, len(batch["label"]))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        self.log_parts("val", {"loss": self.loss(batch)}, len(batch["label"]))


class ToyPrediction(BaseModel):
    patient: str
    label: int
    logit: float


class ToyEvaluation(Evaluation):
    """How many patients are told right."""

    accuracy: float
    samples: list[ToyPrediction]

    def headline(self) -> str:
        return f"{self.part} accuracy {self.accuracy:.2f}"


def _accuracy(predictions: Sequence[ToyPrediction]) -> float:
    return float(np.mean([(each.logit > 0) == bool(each.label) for each in predictions]))


class ToyTask:
    name = "toy_patients"
    title = "Nodal metastases, yes or no"
    unit = "patient"
    needs = ("n_category",)
    monitor = Monitor("val_loss", "min", "validation loss")
    geometry = Volume
    module = ToyModule
    data = ToyData
    evaluation = ToyEvaluation
    example_config = ""

    def prepare(
        self,
        cohort: Sequence[CohortPatient],
        folder: Path,
        info: CohortInfo,
        geometry: Volume,
        progress: Any,
        workers: int,
    ) -> list[ToySample]:
        folder.mkdir(parents=True, exist_ok=True)
        claim_folder(folder, self.name, info, geometry)
        for patient in cohort:
            np.save(folder / f"{patient.patient}.npy", _volume(patient.ct, geometry))
        samples = [ToySample(patient.patient, int(patient.n_category != "N0")) for patient in cohort]
        rows = "".join(f"{each.patient},{each.label}\n" for each in samples)
        (folder / "patients.csv").write_text(f"patient,label\n{rows}", encoding="utf-8")
        return samples

    def prepared_report(self, samples: Sequence[ToySample]) -> Report:
        return Report(("patients",), [[str(len(samples))]])

    def check_settings(self, module: ToyModule, data: ToyData) -> None:
        """All go together."""

    def predict(self, module: ToyModule, data: ToyData, part: Part, device: str) -> list[ToyPrediction]:
        data.setup()
        module = module.to(device).eval()
        found = []
        with torch.inference_mode():
            for batch in data.loader(part):
                rows = zip(batch["patient"], batch["label"], module.network(batch["volume"]).logits, strict=True)
                found += [ToyPrediction(patient=p, label=int(y), logit=float(z)) for p, y, z in rows]
        return found

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> ToyEvaluation:
        found = self.predict(run.module, run.data, part, device)
        return ToyEvaluation(**run_facts(run, part), accuracy=_accuracy(found), samples=found)

    def report(self, evaluation: ToyEvaluation) -> Report:
        return Report(("accuracy",), [[f"{evaluation.accuracy:.2f}"]])

    def draw(self, folder: Path, evaluation: ToyEvaluation, file_type: FileType) -> list[Path]:
        path = folder / "logits.json"
        path.write_text(json.dumps([each.logit for each in evaluation.samples]), encoding="utf-8")
        return [path]

    def result_tables(self, rows: Any, results: Mapping[str, Sequence[Any]]) -> str:
        lines = [f"{row}: {found[0].evaluation.headline()}" for row, found in results.items()]
        return "\n".join([f"# {rows.title}", *lines]) + "\n"

    def package(self, run: Run, device: str, progress: Any) -> PackageContent:
        test = self.predict(run.module, run.data, "test", device)
        section = ToySection(channels=list(CHANNELS), volume=read_geometry(run.data.folder, Volume), threshold=0.5)
        figure = Metric(name="accuracy", value=_accuracy(test), cohort="drawn", n_patients=len(test))
        return PackageContent(section, [figure], CohortSummary(title="drawn", n_patients=len(test)))

    def probe(self, network: nn.Module, manifest: Manifest[ToySection]) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        volume = torch.rand(2, len(CHANNELS), *manifest.section.volume.size, generator=generator)
        return network(volume).logits


def _volume(ct: Path, geometry: Volume) -> np.ndarray:
    image = sitk.Resample(
        sitk.ReadImage(str(ct)),
        geometry.size[::-1],
        sitk.Transform(),
        sitk.sitkLinear,
        (0.0, 0.0, 0.0),
        geometry.spacing_mm[::-1],
    )
    return (sitk.GetArrayFromImage(image) / 1000).astype(np.float32)


def write_toy_cohort(folder: Path) -> Path:
    """Twelve patients; every second has metastases and a brighter CT."""
    folder.mkdir(parents=True)
    rng, rows = np.random.default_rng(0), ["patient,ct,n_category"]
    for number in range(12):
        image = sitk.GetImageFromArray(rng.normal(500 * (number % 2), 50, (8, 24, 24)).astype(np.float32))
        image.SetSpacing((4.0, 4.0, 5.0))
        sitk.WriteImage(image, str(folder / f"ct{number}.nii.gz"))
        rows.append(f"P{number:02d},ct{number}.nii.gz,N{number % 2}")
    (folder / "patients.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
