"""All objects of an export: what they are called, and in which order they are made."""

from __future__ import annotations

from collections.abc import Mapping

import SimpleITK as sitk
from pydicom.dataset import Dataset

from LNStationLib.export.dicom.document import report_document
from LNStationLib.export.dicom.identity import Identity
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.segmentation import segmentation
from LNStationLib.export.dicom.segments import Structure, node_structures, station_structures
from LNStationLib.export.dicom.source import SourceSeries
from LNStationLib.export.dicom.structure_set import outlined, structure_set
from LNStationLib.export.dicom.structured_report import Segmented, structured_report
from LNStationLib.imaging.discretion import no_values_told
from LNStationLib.support.progress import Progress

FILE_NAMES = ("stations_seg.dcm", "nodes_seg.dcm", "structures_rtstruct.dcm", "report_sr.dcm", "report_pdf.dcm")
"""In the order in which they are written; the report comes after what it refers to."""
_FIRST_SERIES_NUMBER = 9001
"""Scanners number their series from 1, and workstations from some hundreds."""
_TITLES: Mapping[str, str] = {
    "stations_seg.dcm": "LNStation stations (research use only)",
    "nodes_seg.dcm": "LNStation nodes (research use only)",
    "structures_rtstruct.dcm": "LNStation structures (research use only)",
    "report_sr.dcm": "LNStation measurements (research use only)",
    "report_pdf.dcm": "LNStation report (research use only)",
}


class _Maker:
    """Makes the objects of one export one by one."""

    def __init__(self, results: Results, source: SourceSeries) -> None:
        self.results, self.source = results, source
        self.identity: Identity = results.identity(source.study.SeriesInstanceUID)

    def segmented(self, name: str, labels: sitk.Image, structures: list[Structure]) -> Segmented | None:
        title = _TITLES[name]
        made = segmentation(labels, structures, self.source, self.identity, name, _number(name), title)
        return None if made is None else Segmented(*made)

    def structure_set(self, name: str) -> Dataset:
        results = self.results
        marked = [
            *outlined(results.stations, station_structures(results, self.identity)),
            *outlined(results.nodes, node_structures(results, self.identity)),
        ]
        return structure_set(marked, self.source, self.identity, _number(name), _TITLES[name])

    def report(self, name: str, stations: Segmented | None, nodes: Segmented | None) -> Dataset:
        return structured_report(
            self.results, self.source, stations, nodes, self.identity, _number(name), _TITLES[name]
        )

    def document(self, name: str, pdf: bytes) -> Dataset:
        return report_document(pdf, self.source, self.identity, _number(name), _TITLES[name])


@no_values_told()
def dicom_objects(results: Results, source: SourceSeries, progress: Progress) -> dict[str, Dataset]:
    """Everything that an assessment gives in DICOM, by file name.

    Args:
        results: Assessment, label maps, review and report.
        source: The CT series that was assessed.
        progress: Told the running step.

    Returns:
        Objects of the source's study, each in a series of its own. No segmentation of nodes where there is none, no
        structure set where nothing was outlined, no document without a report.

    Raises:
        GeometryError: The label maps are not on the grid of the series.
    """
    for what, labels in (("stations", results.stations), ("nodes", results.nodes)):
        source = source.holding(labels, what)
    maker, made = _Maker(results, source), dict[str, Dataset | None]()
    seg_stations, seg_nodes, structures, report, document = FILE_NAMES
    progress("making the segmentation of stations", 0.0)
    stations = maker.segmented(seg_stations, results.stations, station_structures(results, maker.identity))
    progress("making the segmentation of nodes", 0.3)
    nodes = maker.segmented(seg_nodes, results.nodes, node_structures(results, maker.identity))
    made |= {seg_stations: _object(stations), seg_nodes: _object(nodes)}
    progress("making the structure set", 0.5)
    made[structures] = maker.structure_set(structures) if stations or nodes else None
    progress("making the structured report", 0.7)
    made[report] = maker.report(report, stations, nodes)
    if results.report_pdf is not None:
        made[document] = maker.document(document, results.report_pdf)
    return {name: one for name, one in made.items() if one is not None}


def _object(segmented: Segmented | None) -> Dataset | None:
    return None if segmented is None else segmented.made


def _number(name: str) -> int:
    """Series Number of an object."""
    return _FIRST_SERIES_NUMBER + FILE_NAMES.index(name)
