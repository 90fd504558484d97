"""The station atlases of Lynch et al. 2013, which atlases build makes atlas packages of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lnstation_training.public_data.image_parts import case_of
from lnstation_training.public_data.recipe import (
    Facts,
    Found,
    Label,
    LeftOut,
    License,
    PatientParts,
    PatientSource,
    Search,
    SiteAccess,
)
from lnstation_training.public_data.station_maps import drawn_stations, mask_stations
from LNStationLib.anatomy.station_names import station_named
from LNStationLib.case.check import safe_name
from LNStationLib.case.unchecked import GivenImage
from LNStationLib.imaging.dicom_files import files_under
from LNStationLib.imaging.dicom_series import read_series_files
from LNStationLib.imaging.dicom_structures import drawn_files
from LNStationLib.imaging.reading import Warn, image_files, image_stem
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

_FACTS = Facts(
    name="lynch_atlases",
    title="Atlases of Lynch et al. 2013",
    patients="5, as Engelson et al. 2026 used them",
    size="not checked",
    holds="a CT of each patient with the stations of the map of the seventh TNM edition",
    labels=(Label("stations", "stations", "not checked"),),
    license=License(
        "not checked",
        "https://doi.org/10.1016/j.prro.2012.01.007",
        "ask the authors; their terms could not be checked",
    ),
    access=SiteAccess(
        "https://www.creatis.insa-lyon.fr/lymph-stations-atlas/",
        "the atlases, into a folder for each patient",
    ),
    cite=("10.1016/j.prro.2012.01.007",),
    converted="CT and station label map; of each patient the command that builds an atlas package is printed",
    checked="Number: Engelson et al. 2026, Sec. 3.2.1. Address: the README of MICAI-IMI-UzL/kimedlung, whose code "
    "also counts 3A, 3P and 7 to 9 of either side as one. Not checked: form and terms. Taken is a folder for each "
    "patient with a DICOM CT and a Structure Set or Segmentation whose structures are named after stations, or "
    "with one CT image file and mask files named after stations (4R.nii.gz).",
)


@dataclass(frozen=True)
class LynchAtlases:
    """Folders of patients with stations."""

    facts: Facts = _FACTS
    takes_labels: str = ""

    def find(self, search: Search, progress: Progress) -> Found:
        """As of every recipe."""
        found = Found([])
        for folder in sorted(path for path in search.folder.iterdir() if path.is_dir() and path.name[0] != "."):
            try:
                found.patients.append(_patient(folder))
            except InputError as error:
                found.left_out.append(LeftOut(safe_name(folder.name), "patient", str(error)))
        if not found.patients:
            raise InputError(
                f"{search.folder} holds no patients with stations: it needs a folder for each, with a CT and with "
                "structures or mask files named after stations."
            )
        return found

    def read(self, source: PatientSource, warn: Warn) -> PatientParts:
        """As of every recipe."""
        if "dicom" not in source.files:
            stations = partial(mask_stations, source.files["stations"])
            return PatientParts(case_of(source, None), stations=stations)
        series = read_series_files(source.files["dicom"], "CT", "CT", warn)
        ct = GivenImage(series.image, "CT", series)
        case = replace(case_of(replace(source, files={"ct": source.files["dicom"][:1]}), None), ct=lambda _: ct)
        return PatientParts(case, stations=partial(drawn_stations, source.files["stations"]))


def _patient(folder: Path) -> PatientSource:
    name, drawn = safe_name(folder.name), drawn_files(folder)
    if drawn:
        others = tuple(path for path in files_under(folder) if path not in drawn)
        return PatientSource(name, {"dicom": others, "stations": tuple(drawn)})
    images = [path for each in (folder, *sorted(folder.iterdir())) if each.is_dir() for path in image_files(each)]
    masks = tuple(path for path in images if station_named(image_stem(path)) is not None)
    cts = tuple(path for path in images if path not in masks)
    if not masks or len(cts) != 1:
        raise InputError(
            f"it has {len(masks)} mask files named after stations and {len(cts)} other images: give one CT and the "
            "masks."
        )
    return PatientSource(name, {"ct": cts, "stations": masks})


LYNCH_ATLASES = LynchAtlases()
