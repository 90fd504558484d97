"""Probabilities and attention in the report: bars, pictures in their place, files."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from export.cases import NODES, PROBABILITIES, THRESHOLD, Frame, Options, make_result
from export.drawings import raster, size, texts
from export.test_review_report import review
from pypdf import PdfReader

from LNStationLib.export import write_outputs
from LNStationLib.export.csv_files import stations_csv
from LNStationLib.export.evidence import EvidenceMap, evidence_maps
from LNStationLib.export.output_folder import EVIDENCE_FILE_NAME, FILE_NAMES
from LNStationLib.export.pictures import plane_drawing
from LNStationLib.export.pictures.gallery import build_gallery
from LNStationLib.export.pictures.patient_view import Box, patient_view
from LNStationLib.export.pictures.planes import axial_plane
from LNStationLib.export.report.content import SYNTHETIC_MODEL, build_content
from LNStationLib.export.report.html import html_report
from LNStationLib.export.report.layout import build_report
from LNStationLib.export.report.pdf import pdf_report
from LNStationLib.export.wording import NOTHING

JUDGED = Options(attention=True, trained_on_synthetic=True)
FLIPPED = Frame(direction=(-1, 0, 0, 0, 1, 0, 0, 0, -1))
PERMUTED = Frame(direction=(0, 0, 1, 1, 0, 0, 0, 1, 0), spacing=(2.0, 3.0, 2.0))
OBLIQUE = Frame(direction=(0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, 1))


def test_probabilities_stand_as_bars_with_the_threshold_marked() -> None:
    content = build_content(make_result(JUDGED).assessment)
    titles = [column.title for column in content.stations.columns]
    column = titles.index("Probability")
    cells = {row[0].text: row[column] for row in content.stations.rows}
    assert (cells["4R"].text, cells["4R"].bar, cells["4R"].mark) == ("0.83", 0.83, THRESHOLD)
    # None is not 0: one has a bar of no length, the other none at all.
    assert (cells["2L"].text, cells["2L"].bar) == ("0.00", 0.0)
    assert (cells["8"].text, cells["8"].bar) == (NOTHING, None)
    inside = titles.index("Attention in nodes")
    attention = {row[0].text: row[inside].text for row in content.stations.rows}
    assert (attention["4R"], attention["2R"], attention["8"]) == ("62%, #1", NOTHING, NOTHING)
    assert "threshold 0.40 of the operating point balanced" in content.stations.note
    assert "sa-moe 1.0" in content.stations.note


def test_without_a_model_nothing_speaks_of_probability_or_attention() -> None:
    report = build_report(make_result())
    page = html_report(report)
    assert "Probability" not in page
    assert "ttention" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert all(len(picture.drawings) == 1 for picture in report.gallery.stations)


def test_the_html_draws_bars_and_marks_where_the_numbers_say() -> None:
    page = html_report(build_report(make_result(JUDGED)))
    widths = re.findall(r'class="fill" style="width: ([0-9.]+)%"', page)
    assert sorted(map(float, widths)) == pytest.approx(sorted(100 * value for value in PROBABILITIES.values()))
    assert set(re.findall(r'class="mark" style="left: ([0-9.]+)%"', page)) == {"40.0"}


@pytest.mark.parametrize("pet", [False, True])
def test_every_judged_station_has_its_attention_beside_the_plain_picture(pet: bool) -> None:
    report = build_report(make_result(Options(attention=True, pet=pet)))
    judged = [picture for picture in report.gallery.stations if picture.evidence_svg is not None]
    assert {picture.title.split(",")[0].split()[1] for picture in judged} == set(PROBABILITIES)
    for picture in judged:
        assert picture.drawings == (picture.ct_svg, picture.evidence_svg, *([picture.fused_svg] if pet else []))
        assert {"0", "0.5", "1", "Attention"} <= set(texts(picture.evidence_svg))
    first = judged[0]
    assert "Probability 0.83, positive" in first.caption
    assert "node #1" in first.caption
    assert "62% of the attention lies in nodes" in first.caption
    assert report.station_columns == 1
    page = html_report(report)
    assert ("pair triple" in page) is pet
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("frame", [Frame(), FLIPPED, PERMUTED, OBLIQUE])
def test_attention_is_drawn_where_the_network_looked_however_the_ct_is_stored(frame: Frame) -> None:
    view = patient_view(make_result(Options(frame=frame)))
    _, x, y, z, _ = NODES[1]
    index = view.grid.index((x, y, z))
    whole = Box(*((0, count) for count in view.grid.shape))
    plane = axial_plane(view, whole, round(index[0]), evidence_maps(make_result(JUDGED))["4R"])
    drawn = plane_drawing.draw_evidence(plane, "test", "4R", {}, "Attention")
    assert drawn is not None
    colors = raster(drawn).astype(int)
    warmth = colors[..., 0] - colors[..., 2]
    rows, columns = warmth.shape
    hot = np.argwhere(warmth > 0.8 * warmth.max()).mean(axis=0)
    place = hot[1] / columns * size(drawn)[0], hot[0] / rows * size(drawn)[1]
    expected = ((index[2] + 0.5) * view.grid.spacing_mm[2], (index[1] + 0.5) * view.grid.spacing_mm[1])
    assert place == pytest.approx(expected, abs=3.5)


def test_any_voxel_map_of_a_method_is_shown_by_its_own_title() -> None:
    result = make_result(Options(attention=True))
    attention = evidence_maps(result)["2R"]
    heat = {"2R": EvidenceMap("Heat", "how warm it is.", attention.image, attention.peak_mm)}
    rows = [row.model_copy(update={"probability": None}) for row in result.assessment.stations]
    assessment = result.assessment.model_copy(update={"stations": rows})
    gallery = build_gallery(assessment, patient_view(result), evidence=heat)
    warm = [picture for picture in gallery.stations if picture.evidence_svg is not None]
    assert [picture.title.split(",")[0] for picture in warm] == ["Station 2R"]
    assert "Heat" in texts(warm[0].evidence_svg or "")
    assert warm[0].caption == "Negative. Slice of the station nearest to the peak of the heat."


def test_the_pdf_shows_pictures_numbers_and_the_mark_of_synthetic_training_on_every_page(tmp_path: Path) -> None:
    result = make_result(Options(attention=True, pet=True, trained_on_synthetic=True))
    (tmp_path / "pdf").mkdir()
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_report(build_report(result, review=review()), tmp_path / "pdf", result.assessment.created))
    pages = [" ".join(page.extract_text().split()) for page in PdfReader(path).pages]
    assert all(SYNTHETIC_MODEL in page for page in pages)
    words = " ".join(pages)
    for expected in (
        "0.83",
        "62%, #1",
        "Model's probability",
        "operating point balanced",
        "where the network looked",
    ):
        assert expected in words, expected


def test_the_review_shows_the_models_probability_and_edited_outlines_are_marked() -> None:
    assessment = make_result(JUDGED).assessment
    rows = [row.model_copy(update={"edited": row.station == "4R"}) for row in assessment.stations]
    content = build_content(assessment.model_copy(update={"stations": rows}), review())
    assert content.review is not None
    column = [each.title for each in content.review.calls.columns].index("Model's probability")
    cells = {row[0].text: row[column] for row in content.review.calls.rows}
    assert (cells["7"].text, cells["7"].bar, cells["7"].mark) == ("0.61", 0.61, THRESHOLD)
    assert cells["4L"].text == NOTHING
    names = {row[0].text: row[1].text for row in content.stations.rows}
    assert names["4R"].endswith(", outline edited")
    assert not names["7"].endswith("edited")


def test_the_table_of_stations_carries_probability_and_attention() -> None:
    text = stations_csv(make_result(JUDGED).assessment)
    rows = {row["station"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert (rows["4R"]["probability"], rows["4R"]["attention_in_nodes"], rows["4R"]["attention_node"]) == (
        "0.83",
        "0.62",
        "1",
    )
    assert (rows["8"]["probability"], rows["8"]["attention_in_nodes"]) == ("", "")
    assert rows["2L"]["probability"] == "0.0"


def test_the_attention_volume_is_written_on_the_cts_grid_and_does_not_outlive_its_result(tmp_path: Path) -> None:
    result = make_result(Options(attention=True, frame=OBLIQUE))
    files = write_outputs(result, tmp_path, overwrite=False, formats=["json", "nifti"])
    assert files[-1].name == "assessment.json"
    volume = sitk.ReadImage(str(tmp_path / EVIDENCE_FILE_NAME))
    assert volume.GetSize() == result.case.ct.GetSize()
    np.testing.assert_allclose(volume.GetDirection(), result.case.ct.GetDirection(), atol=1e-5)
    values = sitk.GetArrayFromImage(volume)
    assert 0.5 < values.max() <= 1
    peak = np.unravel_index(int(values.argmax()), values.shape)
    place = np.array(volume.TransformIndexToPhysicalPoint([int(n) for n in peak[::-1]]))
    centers = np.array(
        [next((n[1:4] for n in NODES.values() if n[0] == name), (0, 0, 999)) for name in PROBABILITIES]
    )
    assert np.abs(place - centers).max(axis=1).min() < 6
    write_outputs(make_result(), tmp_path, overwrite=True, formats=["json", "nifti"])
    assert not (tmp_path / EVIDENCE_FILE_NAME).exists()


def test_without_a_network_there_is_no_attention_file(tmp_path: Path) -> None:
    files = write_outputs(make_result(), tmp_path, overwrite=False)
    assert {path.name for path in files} == set(FILE_NAMES)
