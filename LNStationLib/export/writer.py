"""Write all outputs of a case, all or nothing."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from LNStationLib.assessment.review import Review
from LNStationLib.export.csv_files import edits_csv, n_category_csv, nodes_csv, stations_csv
from LNStationLib.export.evidence import evidence_volume
from LNStationLib.export.label_maps import write_label_map
from LNStationLib.export.output_folder import (
    EVIDENCE_FILE_NAME,
    FORMATS,
    file_names,
    partial_folder,
    prepare_output_folder,
    publish,
)
from LNStationLib.export.report.html import html_report
from LNStationLib.export.report.layout import build_report
from LNStationLib.export.report.pdf import pdf_report
from LNStationLib.export.report.plain_text import report_text
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.support.language import ENGLISH, check_language, speaking
from LNStationLib.support.progress import Progress, portion, silent


def write_outputs(
    assessed: AssessedCase,
    out: Path,
    *,
    overwrite: bool,
    progress: Progress = silent,
    formats: Collection[str] = tuple(FORMATS),
    review: Review | None = None,
    language: str = ENGLISH,
) -> list[Path]:
    """Write assessment, label maps, tables and reports under their fixed names.

    Everything is first written into a hidden folder inside ``out`` and then renamed, ``assessment.json`` last: where
    that file stands, the result is whole. A run that fails or is cancelled leaves no new file.

    Args:
        assessed: What to write.
        out: Output folder; made where it is missing.
        overwrite: Replace an earlier result in ``out``; other files there are never touched.
        progress: Told the running step.
        formats: Which of ``FORMATS``; all of them by default.
        review: A reader's review, shown beside the model's output.
        language: Of the reports, one of ``support.language.languages()``; tables and JSON have none.

    Returns:
        The files, in the order in which they appeared.

    Raises:
        OutputError: The folder cannot take the results, or there is no such format.
        InputError: There is no such language.
        ValueError: A label map is not on the CT's grid.
    """
    names = file_names(formats, reviewed=review is not None, with_evidence=bool(assessed.known_evidence))
    check_language(language)
    prepare_output_folder(out, overwrite)
    with partial_folder(out) as folder:
        if "nifti" in formats:
            _write_label_maps(assessed, folder, portion(progress, 0.0, 0.25))
        _write_texts(assessed, review, folder, names)
        with speaking(language):
            _write_reports(assessed, review, folder, formats, portion(progress, 0.25, 0.95))
        progress("moving results into place", 0.95)
        written = publish(folder, out, names)
    progress("results written", 1.0)
    return written


def _write_label_maps(assessed: AssessedCase, folder: Path, progress: Progress) -> None:
    maps = {"stations": assessed.stations, "nodes": assessed.nodes, "organs": assessed.organs}
    for done, (name, image) in enumerate(maps.items()):
        progress(f"writing {name}.nii.gz", done / len(maps))
        write_label_map(image, assessed.case.ct, folder / f"{name}.nii.gz")
    volume = evidence_volume(assessed)
    if volume is not None:
        write_label_map(volume, assessed.case.ct, folder / EVIDENCE_FILE_NAME)


def _write_texts(assessed: AssessedCase, review: Review | None, folder: Path, names: list[str]) -> None:
    assessment = assessed.assessment
    texts = {
        "stations.csv": stations_csv(assessment, review),
        "nodes.csv": nodes_csv(assessment),
        "assessment.json": assessment.model_dump_json(indent=2) + "\n",
    }
    if review is not None:
        texts["edits.csv"] = edits_csv(review)
        texts["n_category.csv"] = n_category_csv(assessment, review)
        texts["review.json"] = review.model_dump_json(indent=2) + "\n"
    for name, text in texts.items():
        if name in names:
            # newline="": the lines of CSV already end as RFC 4180 wants them, on every system.
            (folder / name).write_text(text, encoding="utf-8", newline="")


def _write_reports(
    assessed: AssessedCase, review: Review | None, folder: Path, formats: Collection[str], progress: Progress
) -> None:
    if "text" in formats:
        (folder / "report.txt").write_text(report_text(assessed.assessment, review), encoding="utf-8", newline="")
    if "html" not in formats and "pdf" not in formats:
        return
    report = build_report(assessed, portion(progress, 0.0, 0.6), review)
    if "html" in formats:
        progress("writing report.html", 0.6)
        (folder / "report.html").write_text(html_report(report), encoding="utf-8")
    if "pdf" in formats:
        progress("writing report.pdf", 0.7)
        private = folder / "pdf"
        private.mkdir()
        (folder / "report.pdf").write_bytes(pdf_report(report, private, assessed.assessment.created))
