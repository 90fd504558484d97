"""A report in another language: what must be said is said in it, and what programs read does not change."""

from __future__ import annotations

from pathlib import Path

import pytest
from export.cases import Options, make_result

from LNStationLib.cli.assessing import Plan, run_assessment
from LNStationLib.export.report.content import build_content
from LNStationLib.export.report.html import page
from LNStationLib.export.report.pdf import template_words
from LNStationLib.export.writer import write_outputs
from LNStationLib.staging.lung import lung_n_category
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError
from LNStationLib.support.language import say, speaking
from LNStationLib.support.words import words

MUST_BE_SAID = (
    "Nur für Forschungszwecke. Kein Medizinprodukt; nicht für klinische Entscheidungen.",
    "Synthetischer Fall: vom Computer erzeugt, kein Patient.",
)


def test_research_use_and_synthetic_patients_are_stated_in_every_language() -> None:
    assessment = make_result(Options(synthetic=True)).assessment
    case = assessment.case.model_copy(update={"tumor_site": "right upper lobe"})
    assessment = assessment.model_copy(update={"case": case})
    with speaking("de"):
        content = build_content(assessment)
    assert any("rechter Oberlappen" in fact.value for fact in content.facts)
    assert (content.language, content.research_use) == ("de", MUST_BE_SAID[0])
    assert any(banner.startswith("SYNTHETISCHER FALL") for banner in content.banners)
    assert {column.title for column in content.stations.columns} >= {"Station", "Beurteilung", "Begründung"}
    assert build_content(assessment).title == "Thoracic lymph node stations", "and only there"


def test_an_n_category_is_explained_from_its_code() -> None:
    why = lung_n_category(["4R"], "R").why
    with speaking("de"):
        said = words(why)
    assert said.startswith("N2 nach TNM 8: Bei Tumor der rechten Lunge liegt Station 4R ipsilateral mediastinal")


def test_tables_and_json_are_the_same_in_every_language(tmp_path: Path) -> None:
    result = make_result(Options(synthetic=True))
    formats = ("json", "csv", "text")
    for language in ("en", "de"):
        write_outputs(result, tmp_path / language, overwrite=False, formats=formats, language=language)
    for name in ("assessment.json", "stations.csv", "nodes.csv"):
        assert (tmp_path / "en" / name).read_bytes() == (tmp_path / "de" / name).read_bytes()
    text = (tmp_path / "de" / "report.txt").read_text(encoding="utf-8")
    assert [part.splitlines()[0] for part in text.split("\n\n")][::2][:2] == ["INDIKATION", "BEFUND"]
    assert all(line in text for line in MUST_BE_SAID)


def test_both_templates_say_their_words_in_the_language() -> None:
    with speaking("de"):
        assert page("report.html.j2").globals["say"]("Station map") == "Stationskarte"
        assert {say(text) for text in template_words()} >= {"Stationskarte", "Literatur", "Seite"}


def test_an_unknown_language_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    def never(progress: object) -> None:
        raise AssertionError("the case was loaded")

    with pytest.raises(InputError, match="'xx'"):
        run_assessment(never, Settings(), Plan(tmp_path / "out", language="xx"))
    assert not (tmp_path / "out").exists()
