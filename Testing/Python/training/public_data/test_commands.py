"""``train data``: what it prints, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from training.public_data import downloads
from typer.testing import CliRunner

from lnstation_training.cli.app import app
from lnstation_training.public_data.registry import RECIPES

RUNNER = CliRunner()


def ran(*words: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["data", *map(str, words)])
    return result.exit_code, " ".join(result.output.split())


def test_list_names_every_data_set_in_full_with_its_license() -> None:
    code, text = ran("list")
    assert code == 0
    assert all(recipe.facts.name in text for recipe in RECIPES)
    assert "CC BY-NC 3.0" in text


def test_show_says_what_is_labeled_and_what_nobody_has_checked() -> None:
    code, text = ran("show", "mediastinal_lymph_node_seg")
    assert code == 0
    assert "nodes_partial (some of them: the others are unknown)" in text
    assert "License: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/" in text
    assert "Not checked: whether each node has a segment of its own." in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "nothing"), "there is no recipe 'nothing': choose one of ct_lymph_nodes"),
        (("fetch", "lctsc", "--out", "x"), "under its license (CC BY 3.0, https://creativecommons.org"),
        (("fetch", "lynos", "--out", "x"), "lynos is downloaded by hand: go to https://github.com/raidionics/LyNoS"),
        (("prepare", "lynos", "--from", "nowhere", "--out", "x"), "there is no file or folder nowhere: check the"),
        (("check", "."), "holds neither fetched.json nor provenance.json"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    code, text = ran(*words)
    assert (code, text.startswith("Error: ")) == (2, True)
    assert sentence in text


def test_from_a_downloaded_folder_to_a_checked_cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("LNStationLib.case.check.check_thorax", lambda ct, name, warn: None)
    folder, out = tmp_path / "LyNoS", tmp_path / "cohort"
    downloads.add_lynos(folder, 1)
    (folder / "stations_sto.csv").write_text("patient,node,station\n1,3,4R\n1,5,7\n1,8,7\n")
    assert ran("prepare", "lynos", "--from", folder, "--out", out)[0] == 2
    code, text = ran("prepare", "lynos", "--from", folder, "--out", out, "--accept-license")
    assert (code, "1 patients of LyNoS, 1 of them converted now." in text) == (0, True)
    assert "train evaluate-stations --patients" in text
    assert ran("check", out)[0] == 0
    (out / "node_pathology.csv").unlink()
    code, text = ran("check", out)
    assert (code, "node_pathology.csv is missing." in text) == (2, True)
