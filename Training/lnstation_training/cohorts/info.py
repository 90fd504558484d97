"""What a cohort is, for the cards of models trained on it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lnstation_training.cohorts.errors import CohortError

COHORT_FILE = "cohort.json"


class CohortInfo(BaseModel):
    """What a cohort is.

    Attributes:
        title: In a few words.
        synthetic: True where its patients are synthetic; every model trained on them says so.
        description: More about it: hospitals, years, scanners, how it was labeled.
        tables_digest: SHA-256 of the tables, empty where there are none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    synthetic: bool
    description: str = ""
    tables_digest: str = ""


def cohort_info(
    patients_table: Path,
    pathology_table: Path | None,
    title: str | None,
    description: str = "",
    node_table: Path | None = None,
) -> CohortInfo:
    """Describe a cohort; it is synthetic where a ``cohort.json`` beside the table of patients says so.

    Args:
        patients_table: The table of patients.
        pathology_table: Pathology by station, if there is any.
        title: Name of the cohort; ``None`` takes that of ``cohort.json``, or of the table's folder.
        description: More about it.
        node_table: Pathology by node, if there is any.

    Raises:
        CohortError: ``cohort.json`` cannot be read.
    """
    stated = _cohort_file(patients_table.parent / COHORT_FILE)
    tables = [path for path in (patients_table, pathology_table, node_table) if path is not None]
    return CohortInfo(
        title=title or stated.get("title") or patients_table.resolve().parent.name,
        synthetic=stated.get("synthetic") is True,
        description=description,
        tables_digest=hashlib.sha256(b"".join(path.read_bytes() for path in tables)).hexdigest(),
    )


def _cohort_file(path: Path) -> dict:
    if not path.exists():
        return {}
    try:
        content: dict = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CohortError(f"{path} is not JSON: {error}.") from error
    return content
