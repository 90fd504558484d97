"""Stations that somebody drew: one label map, or a folder with a mask for each station."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.anatomy.station_names import station_named
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.imaging.label_names import label_names
from LNStationLib.imaging.reading import Warn, image_files, image_stem, read_image
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import LabelArray


def read_stations(path: Path, grid: Grid, warn: Warn) -> LabelArray:
    """Read stations onto a grid.

    Args:
        path: A label map, with names of its values or with those of the station table, or a folder of masks, each
            named after its station.
        grid: Where they are wanted.
        warn: Told what is odd about a file.

    Returns:
        uint8 ``[z, y, x]``, values of the station table.

    Raises:
        InputError: A file cannot be read or its name holds no station, or there is no station at all.
    """
    labels = _from_folder(path, grid, warn) if path.is_dir() else _from_label_map(path, grid, warn)
    if not labels.any():
        raise InputError(f"{path} holds no station within the CT.")
    return labels


def _from_folder(folder: Path, grid: Grid, warn: Warn) -> LabelArray:
    labels = np.zeros(grid.shape, np.uint8)
    for file in image_files(folder):
        row = station_named(image_stem(file))
        if row is None:
            raise InputError(f"{file}: its name holds no station; name the file after one, for example 4R.nii.gz.")
        mask = sitk.NotEqual(read_image(file, f"station {file.name}", warn), 0)
        labels[resample_to_grid(mask, grid, labels=True) > 0] = row.label_value
    return labels


def _from_label_map(file: Path, grid: Grid, warn: Warn) -> LabelArray:
    image = read_image(file, f"stations {file.name}", warn)
    values = resample_to_grid(image, grid, labels=True)
    table = {row.label_value: row.label_value for row in anatomy.stations()}
    named = {one.value: station_named(one.name) for one in _names(file, image)}
    wanted = {value: row.label_value for value, row in named.items() if row is not None} if named else table
    unknown = sorted(set(np.unique(values).tolist()) - set(named or table) - {0})
    if unknown:
        raise InputError(f"{file}: the value {unknown[0]} is no station of the table; put names beside it as JSON.")
    labels = np.zeros(grid.shape, np.uint8)
    for value, label in wanted.items():
        labels[values == value] = label
    return labels


def _names(file: Path, image: sitk.Image) -> list:
    try:
        return label_names(file, image, f"stations {file.name}")
    except InputError:
        return []
