"""The published JSON Schema of ``assessment.json``: ``Resources/Schema/assessment.schema.json``."""

from __future__ import annotations

import json
from pathlib import Path

from LNStationLib.state.assessment import SCHEMA_VERSION, Assessment
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import OutputError


def schema_text() -> str:
    """The JSON Schema (draft 2020-12) as the text of a file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"LNStation assessment, schema version {SCHEMA_VERSION}. Points are LPS millimetres.",
        **Assessment.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schema(path: Path) -> None:
    """Write the schema to a file atomically.

    Raises:
        OutputError: The file cannot be written.
    """
    try:
        write_atomically(path, schema_text())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; choose another file with --out.") from error
