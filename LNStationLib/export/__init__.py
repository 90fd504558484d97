"""How an assessment leaves: JSON, label maps, CSV, and one report as HTML and as PDF."""

from LNStationLib.export.output_folder import (
    ATTENTION_FILE_NAME,
    FILE_NAMES,
    FORMATS,
    REVIEW_FILE_NAMES,
    prepare_output_folder,
)
from LNStationLib.export.writer import write_outputs

__all__ = [
    "ATTENTION_FILE_NAME",
    "FILE_NAMES",
    "FORMATS",
    "REVIEW_FILE_NAMES",
    "prepare_output_folder",
    "write_outputs",
]
