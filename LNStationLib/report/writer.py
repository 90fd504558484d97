"""Writes everything a case leaves behind, all or nothing."""

from __future__ import annotations

from pathlib import Path

from LNStationLib.progress import Progress, portion, silent
from LNStationLib.report.csv_files import nodes_csv, stations_csv
from LNStationLib.report.html import html_report
from LNStationLib.report.label_maps import write_label_map
from LNStationLib.report.layout import build_report
from LNStationLib.report.output_folder import partial_folder, prepare_output_folder, publish
from LNStationLib.report.pdf import pdf_report
from LNStationLib.result import AssessmentResult


def write_outputs(result: AssessmentResult, out: Path, *, overwrite: bool, progress: Progress = silent) -> list[Path]:
    """Write assessment, label maps, tables and reports under their fixed names.

    Everything is first written into a hidden folder inside ``out`` and then renamed, ``assessment.json`` last: where
    that file stands, the result is whole. A run that fails or is cancelled leaves no new file.

    Args:
        result: What to write.
        out: Output folder; made where it is missing.
        overwrite: Replace an earlier result in ``out``; other files there are never touched.
        progress: Told the running step.

    Returns:
        The files, in the order in which they appeared.

    Raises:
        OutputError: The folder cannot take the results.
        ValueError: A label map is not on the CT's grid.
    """
    prepare_output_folder(out, overwrite)
    with partial_folder(out) as folder:
        _write_label_maps(result, folder, portion(progress, 0.0, 0.25))
        _write_tables(result, folder)
        _write_reports(result, folder, portion(progress, 0.25, 0.95))
        text = result.assessment.model_dump_json(indent=2) + "\n"
        (folder / "assessment.json").write_text(text, encoding="utf-8")
        progress("moving results into place", 0.95)
        written = publish(folder, out)
    progress("results written", 1.0)
    return written


def _write_label_maps(result: AssessmentResult, folder: Path, progress: Progress) -> None:
    maps = {"stations": result.stations, "nodes": result.nodes, "organs": result.organs}
    for done, (name, image) in enumerate(maps.items()):
        progress(f"writing {name}.nii.gz", done / len(maps))
        write_label_map(image, result.case.ct, folder / f"{name}.nii.gz")


def _write_tables(result: AssessmentResult, folder: Path) -> None:
    # newline="": the lines already end as RFC 4180 wants them, on every system.
    for name, text in (("stations", stations_csv(result.assessment)), ("nodes", nodes_csv(result.assessment))):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")


def _write_reports(result: AssessmentResult, folder: Path, progress: Progress) -> None:
    report = build_report(result, portion(progress, 0.0, 0.6))
    progress("writing report.html", 0.6)
    (folder / "report.html").write_text(html_report(report), encoding="utf-8")
    progress("writing report.pdf", 0.7)
    private = folder / "pdf"
    private.mkdir()
    (folder / "report.pdf").write_bytes(pdf_report(report, private, result.assessment.created))
