"""Tables and report of a batch from the records of its cases; written again only where they would change."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from LNStationLib.batch.columns import CHOICES, IDENTIFIERS, CaseRow, ChoiceRow, CostRow, FailureRow
from LNStationLib.batch.contents import are_whole, outputs_of
from LNStationLib.batch.environment import Environment
from LNStationLib.batch.folder import unit_folder
from LNStationLib.batch.records import OutputDigest, UnitRecord
from LNStationLib.batch.report import cohort_report
from LNStationLib.batch.summary import CohortSummary
from LNStationLib.batch.tables import ENDINGS, TABLES, TableFiles, has_parquet
from LNStationLib.batch.words import choice_words, failure_words
from LNStationLib.export.json_files import read_model
from LNStationLib.export.output_folder import user_facing_errors
from LNStationLib.state.assessment import Assessment
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.language import ENGLISH, speaking

REPORT_FILE = "report.html"
_STATE_FILE = ".tables.json"
_PARTIAL_PREFIX = ".tables-"
_MB = 1e6


def write_results(
    out: Path,
    records: Sequence[UnitRecord],
    environment: Environment,
    identifiers: bool = False,
    language: str = ENGLISH,
) -> list[Path]:
    """Write the tables and the report.

    Args:
        out: Output folder.
        records: Of every case, in the order of the tables.
        environment: What assessed them.
        identifiers: With those of DICOM, in the table of choices.
        language: Of the report; tables have none.

    Returns:
        The files.

    Raises:
        OutputError: They cannot be written.
    """
    state = _state(records, identifiers, language)
    names = _names(records)
    with user_facing_errors(out):
        if _is_current(out, state):
            return [out / name for name in names]
        for leftover in out.glob(f"{_PARTIAL_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=_PARTIAL_PREFIX, dir=out))
        try:
            summary = _write_tables(out, folder, records, identifiers)
            with speaking(language):
                (folder / REPORT_FILE).write_text(cohort_report(summary, environment), encoding="utf-8")
            _publish(folder, out, names, state)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return [out / name for name in names]


def _names(records: Sequence[UnitRecord]) -> list[str]:
    endings = ENDINGS if has_parquet() else ENDINGS[:1]
    tables = [table for table in TABLES if table.name != "choices" or any(record.choices for record in records)]
    return [*(f"{table.name}{ending}" for table in tables for ending in endings), REPORT_FILE]


def _state(records: Iterable[UnitRecord], identifiers: bool, language: str) -> str:
    """Digest of what tables and report say; costs of a case change with each run of it and go with them."""
    digest = hashlib.sha256(f"{identifiers} {has_parquet()} {language}".encode())
    for record in records:
        digest.update(record.model_dump_json(exclude={"inputs", "run"}).encode())
    return digest.hexdigest()


def _is_current(out: Path, state: str) -> bool:
    try:
        kept = json.loads((out / _STATE_FILE).read_text(encoding="utf-8"))
        outputs = [OutputDigest.model_validate(one) for one in kept["outputs"]]
        return bool(kept["state"] == state) and are_whole(out, outputs, read_bytes=True)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _publish(folder: Path, out: Path, names: Sequence[str], state: str) -> None:
    (out / _STATE_FILE).unlink(missing_ok=True)
    outputs = outputs_of(folder, names)
    for table in TABLES:
        for ending in ENDINGS:
            if f"{table.name}{ending}" not in names:
                (out / f"{table.name}{ending}").unlink(missing_ok=True)
    for name in names:
        os.replace(folder / name, out / name)
    kept = {"state": state, "outputs": [one.model_dump() for one in outputs]}
    write_atomically(out / _STATE_FILE, json.dumps(kept))


def _write_tables(out: Path, folder: Path, records: Sequence[UnitRecord], identifiers: bool) -> CohortSummary:
    summary = CohortSummary()
    shown = [
        replace(table, columns=(*CHOICES, *IDENTIFIERS)) if table.name == "choices" and identifiers else table
        for table in TABLES
    ]
    files = {table.name: TableFiles(table, folder) for table in shown}
    try:
        for record in records:
            _add(record, out, files, summary)
    finally:
        for file in files.values():
            with suppress(ValueError):
                file.close()
    return summary


def _add(record: UnitRecord, out: Path, files: dict[str, TableFiles], summary: CohortSummary) -> None:
    if record.outcome == "assessed":
        _add_assessed(record, out, files, summary)
    else:
        failure = FailureRow.model_construct(
            case_id=record.case_id, outcome=record.outcome, code=record.code, sentence=failure_words(record)
        )
        files["failures"].add(failure)
        summary.add_failure(record)
    for choice in record.choices:
        facts = choice.model_dump(exclude={"facts", "identifiers"})
        row = ChoiceRow(case_id=record.case_id, reason=choice_words(choice), **facts, **choice.identifiers)
        files["choices"].add(row)
        summary.add_choice(choice)


def _add_assessed(record: UnitRecord, out: Path, files: dict[str, TableFiles], summary: CohortSummary) -> None:
    assessment = read_model(
        unit_folder(out, record.case_id) / "assessment.json", Assessment, f"case {record.case_id}"
    )
    row = CaseRow.of(assessment)
    files["cases"].add(row)
    for station in assessment.stations:
        files["stations"].add(station, record.case_id)
    for node in assessment.nodes:
        files["nodes"].add(node, record.case_id)
    size_mb = round(sum(one.size_bytes for one in record.inputs) / _MB, 3)
    costs = record.model_dump(include={"case_id", "seconds", "cpu_seconds", "memory_mib"})
    files["costs"].add(CostRow(**costs, input_mb=size_mb))
    summary.add(record, row)
