"""What LNStation writes, as tasks that can be broken off and done again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from Testing.Faults.kinds.dicom_objects import FRAME, write_study


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


class WriteResults:
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


class ExportDicom:
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


class WritePackage:
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


class WriteCase:
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


@cache
def _made() -> Any:
    from export.cases import Options, make_result

    return make_result(Options(frame=FRAME, pet=True))


TASKS: Mapping[str, Task] = {task.name: task for task in (WriteResults(), ExportDicom(), WritePackage(), WriteCase())}
