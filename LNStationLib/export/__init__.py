"""Export of an assessment: JSON, label maps, CSV, and one report as HTML and PDF."""

from LNStationLib.export.output_folder import prepare_output_folder
from LNStationLib.export.writer import write_outputs

__all__ = ["prepare_output_folder", "write_outputs"]
