"""What LNStation writes, as tasks that can be broken off and done again."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from Testing.Faults.kinds.dicom_objects import FRAME, write_study
from Testing.Faults.whole_files import contents


class Task(Protocol):
    """Something that writes files.

    Attributes:
        name: On the command line and in the table.
        title: In the table.
    """

    name: str
    title: str

    def prepare(self, originals: Path) -> None:
        """Write what it starts from, once; in a process of its own."""

    def run(self, originals: Path, out: Path) -> None:
        """Do it, or go on with it, or do it again over what is there."""

    def warm_up(self) -> None:
        """Import what takes long, before processes are forked."""

    def figures(self, out: Path) -> Mapping[str, str | float]:
        """What must be the same when it was done again; numbers are compared to 2 %."""


class _WritesFiles:
    """Its files must be the same byte for byte."""

    def warm_up(self) -> None:
        """Nothing takes long."""

    def figures(self, out: Path) -> Mapping[str, str | float]:
        """Hashes of its files."""
        return contents(out)


class WriteResults(_WritesFiles):
    """Report, tables, label maps and assessment of a case with a review."""

    name = "results"
    title = "results of a case"

    def prepare(self, originals: Path) -> None:
        """Nothing: the case is drawn."""

    def run(self, originals: Path, out: Path) -> None:
        """All formats."""
        from export.dicom.results import review

        from LNStationLib.export import write_outputs

        write_outputs(_made(), out, overwrite=True, review=review())


class ExportDicom(_WritesFiles):
    """DICOM objects of an assessment."""

    name = "dicom"
    title = "DICOM objects"

    def prepare(self, originals: Path) -> None:
        """The CT's series."""
        write_study(originals)

    def run(self, originals: Path, out: Path) -> None:
        """Export over an earlier one."""
        from export.dicom.results import review

        from LNStationLib.export.dicom.export import ExportRequest, export_dicom
        from LNStationLib.export.dicom.results import Results

        made = _made()
        results = Results(made.assessment, made.stations, made.nodes, review(), b"%PDF-1.7 x")
        export_dicom(results, ExportRequest(originals / "ct", out, overwrite=True), lambda warning: None)


class WritePackage(_WritesFiles):
    """A model package."""

    name = "package"
    title = "model package"

    def prepare(self, originals: Path) -> None:
        """A package to write again."""
        from models.packages import write_tiny

        write_tiny(originals / "tiny.zip")

    def run(self, originals: Path, out: Path) -> None:
        """Write it where it is not there yet."""
        from LNStationLib.models.package import read_package
        from LNStationLib.models.package.writing import write_packed

        package = read_package(originals / "tiny.zip")
        if not (out / "package.zip").exists():
            write_packed(out / "package.zip", package.manifest, package.weights)


class WriteCase(_WritesFiles):
    """A case folder."""

    name = "case"
    title = "case folder"

    def prepare(self, originals: Path) -> None:
        """Nothing: the case is drawn."""

    def run(self, originals: Path, out: Path) -> None:
        """Write it where it is not there yet."""
        from LNStationLib.phantom import write_case

        if not (out / "case" / "case.json").exists():
            write_case(_made().case, out / "case")


class Train:
    """A training run of two epochs on drawn regions."""

    name = "training"
    title = "training run"

    def warm_up(self) -> None:
        """Lightning, which takes seconds."""
        import lightning  # noqa: F401

        import lnstation_training.engine.fit
        import lnstation_training.tasks.station_classification.task  # noqa: F401

    def prepare(self, originals: Path) -> None:
        """Prepared data."""
        from training.prepared import write_prepared

        write_prepared(originals / "data")

    def run(self, originals: Path, out: Path) -> None:
        """Fit, or go on."""
        from training.runs import fit_arguments, fit_stations

        fit_stations(fit_arguments(originals / "data", out / "run", 2))

    def figures(self, out: Path) -> Mapping[str, str | float]:
        """Epochs, and the last loss: the order of sums moves it by rounding."""
        with (out / "run" / "logs" / "metrics.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["train_loss"]]
        return {"epochs": str(rows[-1]["epoch"]), "loss": float(rows[-1]["train_loss"])}


@cache
def _made() -> Any:
    from export.cases import Options, make_result

    return make_result(Options(frame=FRAME, pet=True))


TASKS: Mapping[str, Task] = {
    task.name: task for task in (WriteResults(), ExportDicom(), WritePackage(), WriteCase(), Train())
}
