"""The tables of a prepared cohort, and its provenance."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lnstation_training.cohorts.info import COHORT_FILE
from lnstation_training.cohorts.rows import PatientRow
from lnstation_training.public_data.given_tables import station_of
from lnstation_training.public_data.recipe import Facts, LeftOut
from lnstation_training.public_data.records import (
    PROVENANCE_FILE,
    SOURCE_FILE,
    Acceptance,
    Fetched,
    LabelStatement,
    PreparedPatient,
    Provenance,
    SourceRecord,
)
from lnstation_training.public_data.writing import CASES
from LNStationLib import __version__
from LNStationLib.batch.contents import sha256_of
from LNStationLib.support.atomic_files import write_atomically

PATIENTS_FILE, NODES_FILE, LEFT_OUT_FILE, NOTES_FILE = (
    "patients.csv", "node_pathology.csv", "left_out.csv", "notes.csv",
)  # fmt: skip
PART_FILE = "patients_with_{}.csv"
_PARTS = ("nodes", "stations", "pet", "organs", "tumor", "lesions")
"""Columns that tasks ask of every patient: where only some have one filled, those get a table of their own."""
_IMAGES = ("ct", "pet", "stations", "organs", "tumor", "nodes", "lesions", "nodes_partial", "tumor_box")
"""Columns whose cells are files of the case folder."""
_MORE_COLUMNS = ("nodes_partial", "tumor_box", "cancer", "histology")
"""Beside those of the cohort's reader, which leaves them alone."""
_STATION_COLUMNS = ("station", "station_2", "station_3")
_NODE_COLUMNS = ("patient", "node", "metastatic", *_STATION_COLUMNS, *(f"{name}_given" for name in _STATION_COLUMNS))


def write_tables(
    out: Path, facts: Facts, records: Sequence[SourceRecord], left_out: Iterable[LeftOut], provenance: Provenance
) -> None:
    """Write the tables, ``cohort.json`` and last ``provenance.json``.

    Raises:
        OSError: They cannot be written.
    """
    texts = _texts(facts, records, left_out)
    for column in _PARTS:
        if PART_FILE.format(column) not in texts:
            (out / PART_FILE.format(column)).unlink(missing_ok=True)
    for name, text in texts.items():
        write_atomically(out / name, text)
    sums = {name: sha256_of(out / name) for name in texts}
    whole = provenance.model_copy(update={"tables_sha256": sums})
    write_atomically(out / PROVENANCE_FILE, whole.model_dump_json(indent=1) + "\n")


def _texts(facts: Facts, records: Sequence[SourceRecord], left_out: Iterable[LeftOut]) -> dict[str, str]:
    """The tables and ``cohort.json`` by their names."""
    columns = [*PatientRow.model_fields, *_MORE_COLUMNS]
    patients = [_patient(record, facts) for record in records]
    notes = ({"patient": record.patient, "note": note} for record in records for note in record.notes)
    cohort = {"title": facts.title, "synthetic": False, "description": f"{facts.holds}; {facts.license.name}"}
    texts = {
        PATIENTS_FILE: _csv(columns, patients),
        NODES_FILE: _csv(_NODE_COLUMNS, _nodes(records)),
        LEFT_OUT_FILE: _csv(("patient", "what", "why"), _left_out(records, left_out)),
        NOTES_FILE: _csv(("patient", "note"), notes),
        COHORT_FILE: json.dumps(cohort, indent=1) + "\n",
    }
    for column in _PARTS:
        filled = [row for row in patients if row.get(column)]
        if 0 < len(filled) < len(patients):
            texts[PART_FILE.format(column)] = _csv(columns, filled)
    return texts


def provenance_of(
    facts: Facts, accepted: Acceptance, fetched: Fetched | None, out: Path, records: Sequence[SourceRecord]
) -> Provenance:
    """Where a cohort comes from; digests of its tables are added when these are written."""
    return Provenance(
        recipe=facts.name,
        title=facts.title,
        accepted=accepted,
        dois=list(facts.cite),
        idc_version=fetched.idc_version if fetched else "",
        lnstation=__version__,
        labels=[LabelStatement(what=one.what, column=one.column, coverage=one.coverage) for one in facts.labels],
        tables_sha256={},
        patients=[_prepared(record, out) for record in records],
    )


def _prepared(record: SourceRecord, out: Path) -> PreparedPatient:
    return PreparedPatient(
        patient=record.patient,
        identifiers=record.identifiers,
        input_bytes=sum(digest.size_bytes for digest in record.inputs),
        input_sha256={digest.role: digest.content for digest in record.inputs},
        record_sha256=sha256_of(out / CASES / record.patient / SOURCE_FILE),
    )


def _patient(record: SourceRecord, facts: Facts) -> dict[str, str]:
    cells = {
        column: f"{CASES}/{record.patient}/{cell}" if column in _IMAGES else cell
        for column, cell in record.columns.items()
    }
    return {"patient": record.patient, "cancer": facts.cancer or "", **cells}


def _nodes(records: Iterable[SourceRecord]) -> Iterator[dict[str, str]]:
    for record in records:
        for line in record.nodes:
            given = dict(zip(_STATION_COLUMNS, line.given, strict=False))
            ours = {name: station_of(word) for name, word in given.items()}
            words = {f"{name}_given": word for name, word in given.items()}
            yield {"patient": record.patient, "node": str(line.node), **ours, **words, "station": line.station}


def _left_out(records: Iterable[SourceRecord], left_out: Iterable[LeftOut]) -> Iterator[dict[str, str]]:
    for one in left_out:
        yield {"patient": one.patient, "what": one.what, "why": one.why}
    for record in records:
        for line in record.left_out:
            yield {"patient": record.patient, "what": line.what, "why": line.why}


def _csv(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
