from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import wrapped

from LNStationLib.imaging.label_names import NamedLabel, label_names
from LNStationLib.imaging.reading import read_image
from LNStationLib.support.errors import InputError

IMAGE = wrapped(np.zeros((3, 4, 5), np.uint8))
EXPECTED = [NamedLabel("aorta", 1), NamedLabel("left lung", 3)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("organs.json", '{"1": "aorta", "3": "left lung"}'),
        ("organs.json", '{"0": "background", "1": "aorta", "3": "left lung"}'),
        ("organs.json", '{"background": 0, "aorta": 1, "left lung": 3}'),
        ("organs.nii.gz.json", '{"labels": {"background": 0, "aorta": 1, "left lung": 3}}'),
        ("labels.json", '\ufeff{"1": "aorta", "3": "left lung"}'),
        (
            "organs.txt",
            '# ITK-SNAP\n0 0 0 0 0 0 0 "Clear Label"\n1 255 0 0 1 1 1 "aorta"\n3 0 255 0 0.5 1 1 "left lung"\n',
        ),
        ("organs.label", "1 aorta\n\n3 left lung\n"),
        ("organs.ctbl", "# Color table\n0 Background 0 0 0 0\n1 aorta 255 0 0 255\n3 'left lung' 0 255 0 255\n"),
    ],
)
def test_names_are_read_from_a_table_beside_the_map(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert label_names(tmp_path / "organs.nii.gz", IMAGE, "organs") == EXPECTED


def test_names_are_read_from_the_segments_of_a_slicer_segmentation(tmp_path: Path) -> None:
    layers = sitk.GetImageFromArray(np.zeros((3, 4, 5, 2), np.uint8), isVector=True)
    for n, (name, value, layer) in enumerate((("aorta", "1", "0"), ("left lung", "3", "1"))):
        layers.SetMetaData(f"Segment{n}_Name", name)
        layers.SetMetaData(f"Segment{n}_LabelValue", value)
        layers.SetMetaData(f"Segment{n}_Layer", layer)
    sitk.WriteImage(layers, tmp_path / "organs.seg.nrrd")
    image = read_image(tmp_path / "organs.seg.nrrd", "organs", [].append)
    assert image.GetNumberOfComponentsPerPixel() == 2
    assert label_names(tmp_path / "organs.seg.nrrd", image, "organs") == [
        NamedLabel("aorta", 1, 0),
        NamedLabel("left lung", 3, 1),
    ]


def test_names_are_read_from_the_label_table_in_a_nifti_header(tmp_path: Path) -> None:
    """The extension that TotalSegmentator writes: a CARET label table."""
    table = (
        '<?xml version="1.0"?><CaretExtension><VolumeInformation Index="0"><LabelTable>'
        '<Label Key="1" Red="0.1" Alpha="1"><![CDATA[aorta]]></Label>'
        '<Label Key="3" Red="0.1" Alpha="1"><![CDATA[left '
        "lung]]></Label></LabelTable></VolumeInformation></CaretExtension>"
    )
    file = nib.Nifti1Image(np.zeros((3, 4, 5), np.uint8), np.eye(4))
    file.header.extensions.append(nib.nifti1.Nifti1Extension(0, table.encode()))
    (tmp_path / "organs.nii").write_bytes(file.to_bytes())
    image = read_image(tmp_path / "organs.nii", "organs", [].append)
    assert label_names(tmp_path / "organs.nii", image, "organs") == EXPECTED


def test_a_map_without_names_is_refused_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'put organs\.json beside it with \{"1": "aorta"'):
        label_names(tmp_path / "organs.nii.gz", IMAGE, "organs")


@pytest.mark.parametrize(
    "content", ["no json", "[1, 2]", "{}", json.dumps({"aorta": "one"}), json.dumps({"lungs": [1, 2]}), '{"1": true}']
)
def test_a_faulty_table_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "organs.json").write_text(content)
    with pytest.raises(InputError, match=r"organs\.json"):
        label_names(tmp_path / "organs.nii.gz", IMAGE, "organs")


def test_a_line_that_is_no_label_is_refused(tmp_path: Path) -> None:
    (tmp_path / "organs.txt").write_text("aorta 1\n")
    with pytest.raises(InputError, match="'aorta 1' is not a label"):
        label_names(tmp_path / "organs.nii.gz", IMAGE, "organs")
