"""``export``: results as DICOM objects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LNStationLib.support import console

if TYPE_CHECKING:
    from LNStationLib.export.dicom.results import Results


def export(
    results: Annotated[Path, typer.Argument(help="Folder that assess has written.")],
    dicom: Annotated[Path, typer.Option("--dicom", help="Folder for the DICOM objects; created if missing.")],
    ct: Annotated[Path, typer.Option(help="The CT that was assessed: its DICOM folder, or its file.")],
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Convert a CT that is a file into a DICOM series first.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export in the folder.")] = False,
) -> None:
    """Write results as DICOM: segmentations, structured report, structure set, and the report as a document."""
    from LNStationLib.export.results_folder import read_results

    write_dicom(read_results(results), ct, dicom, with_images=with_images, overwrite=overwrite)


def write_dicom(results: Results, ct: Path, out: Path, *, with_images: bool, overwrite: bool) -> list[Path]:
    """Export results with progress, and print warnings and files."""
    from LNStationLib.export.dicom.export import ExportRequest, export_dicom

    warnings: list[str] = []
    with console.shown_progress() as progress:
        request = ExportRequest(ct, out, with_images, overwrite)
        written = export_dicom(results, request, warnings.append, progress)
    screen = console.make_console()
    for warning in dict.fromkeys(warnings):
        screen.print(warning, style="yellow", soft_wrap=True, markup=False)
    images = [path for path in written if path.parent != out]
    if images:
        screen.print(f"{images[0].parent}: {len(images)} images", soft_wrap=True, markup=False)
    for path in written[len(images) :]:
        screen.print(str(path), soft_wrap=True, markup=False)
    return written
