"""``export``: results as DICOM objects, and what commands that speak to an archive have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LNStationLib.support import console
from LNStationLib.support.progress import portion
from LNStationLib.support.reason import Reason, each_once
from LNStationLib.support.words import words

if TYPE_CHECKING:
    from LNStationLib.export.dicom.archive import Archive


CaOption = Annotated[
    Path | None, typer.Option("--ca", help="Certificates (PEM) to trust when the archive's address is https://.")
]
CertificateOption = Annotated[
    Path | None, typer.Option("--client-certificate", help="The client's certificate and key (PEM).")
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="File with a bearer token. Else LNSTATION_DICOMWEB_TOKEN, or LNSTATION_DICOMWEB_USER and "
        "LNSTATION_DICOMWEB_PASSWORD, or ~/.netrc.",
    ),
]


def export(
    results: Annotated[Path, typer.Argument(help="Folder that assess has written.")],
    dicom: Annotated[Path, typer.Option("--dicom", help="Folder for the DICOM objects; created if missing.")],
    ct: Annotated[Path, typer.Option(help="The CT that was assessed: its DICOM folder, or its file.")],
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Convert a CT that is a file into a DICOM series first.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export in the folder.")] = False,
    store: Annotated[
        str | None, typer.Option("--store", metavar="URL", help="Store them in this archive too, by DICOMweb.")
    ] = None,
    ca: CaOption = None,
    certificate: CertificateOption = None,
    token_file: TokenOption = None,
) -> None:
    """Write results as DICOM: segmentations, structured report, structure set, and the report as a document."""
    from LNStationLib.export.dicom.export import ExportRequest, export_dicom
    from LNStationLib.export.results_folder import read_results

    archive = None if store is None else open_archive(store, ca, certificate, token_file)
    request = ExportRequest(ct, dicom, with_images, overwrite)
    warnings: list[Reason] = []
    with console.shown_progress() as progress:
        share = 1.0 if archive is None else 0.7
        written = export_dicom(read_results(results), request, warnings.append, portion(progress, 0.0, share))
        _show(written, dicom, warnings)
        if archive is not None:
            archive.store(written, portion(progress, share, 1.0))


def open_archive(url: str, ca: Path | None, certificate: Path | None, token_file: Path | None) -> Archive:
    """The archive at an address, with the secrets that belong to it; nothing is sent yet.

    Raises:
        InputError: The address is none or holds a password, or a file is missing.
    """
    from LNStationLib.export.dicom.archive import Archive
    from LNStationLib.export.dicom.archive_access import archive_access

    return Archive(archive_access(url, ca=ca, certificate=certificate, token_file=token_file))


def _show(written: list[Path], out: Path, warnings: list[Reason]) -> None:
    screen = console.make_console()
    for warning in each_once(warnings):
        screen.print(words(warning), style="yellow", soft_wrap=True, markup=False)
    images = [path for path in written if path.parent != out]
    if images:
        screen.print(f"{images[0].parent}: {len(images)} images", soft_wrap=True, markup=False)
    for path in written[len(images) :]:
        screen.print(str(path), soft_wrap=True, markup=False)
