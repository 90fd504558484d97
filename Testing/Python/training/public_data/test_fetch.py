"""Public data fetched from the IDC, by a client of the same shape as idc-index's that needs no network."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lnstation_training.public_data import fetching, idc
from lnstation_training.public_data.checking import check
from lnstation_training.public_data.fetching import FetchRequest, fetch
from lnstation_training.public_data.idc import open_client
from lnstation_training.public_data.preparing import PrepareRequest, accepted_terms
from lnstation_training.public_data.records import Acceptance
from lnstation_training.public_data.registry import recipe_named
from LNStationLib.support.errors import InputError, OutputError

ROOT = Path(__file__).resolve().parents[4]
TERMS = Acceptance(license="CC BY 4.0", url="https://example.org", accepted_on="2026-11-27")
RECIPE = recipe_named("mediastinal_lymph_node_seg")
BYTES = 1000


class Frame(list):
    """As much of a data frame as is used."""

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return list(self)


class FakeClient:
    """An IDC of two patients with a CT of three files and a Segmentation each."""

    def __init__(self) -> None:
        self.license, self.asked, self.queries, self.short, self.failing = "CC BY 4.0", list[str](), [""], "", ""

    def sql_query(self, sql_query: str) -> Frame:
        self.queries.append(sql_query)
        kinds = (("CT", 3), ("SEG", 1))
        return Frame(
            {
                "PatientID": patient, "StudyInstanceUID": f"1.{patient[-1]}", "Modality": modality,
                "SeriesInstanceUID": f"1.{patient[-1]}.{files}", "instanceCount": files,
                "series_size_MB": files * BYTES / 1e6, "license_short_name": self.license, "source_DOI": "10.1/x",
            }
            for patient in ("case_0001", "case_0002")
            for modality, files in kinds
        )  # fmt: skip

    def get_idc_version(self) -> str:
        return "v25"

    def download_from_selection(
        self,
        downloadDir: str,  # noqa: N803
        *,
        seriesInstanceUID: list[str],  # noqa: N803
        dirTemplate: str,  # noqa: N803
        quiet: bool,
        show_progress_bar: bool,
    ) -> None:
        self.asked += seriesInstanceUID
        if self.failing:
            raise RuntimeError(self.failing)
        for row in self.sql_query(""):
            if row["SeriesInstanceUID"] in seriesInstanceUID:
                path = dirTemplate
                for name in ("StudyInstanceUID", "SeriesInstanceUID", "Modality"):
                    path = path.replace(f"%{name}", row[name])
                folder = Path(downloadDir, path)
                folder.mkdir(parents=True)
                for number in range(row["instanceCount"] - (row["SeriesInstanceUID"] == self.short)):
                    (folder / f"{number}.dcm").write_bytes(bytes([number]) * BYTES)


def wanted(out: Path, **options: Any) -> FetchRequest:
    return FetchRequest(RECIPE.facts, out, TERMS, **options)


def test_patients_come_with_the_digests_of_their_files(tmp_path: Path) -> None:
    out, client = tmp_path / "idc", FakeClient()
    assert fetch(wanted(out), client) == (2, 2)
    assert "collection_id = 'mediastinal_lymph_node_seg'" in client.queries[1]
    content = json.loads((out / "fetched.json").read_text())
    assert (content["idc_version"], content["accepted"]["accepted_on"]) == ("v25", "2026-11-27")
    manifest = json.loads((out / "patients" / "case_0001" / "manifest.json").read_text())
    assert (manifest["series"], len(manifest["files"])) == ({"1.1.3": "CT", "1.1.1": "SEG"}, 4)
    assert (check(out).files, check(out).faults) == (8, [])
    (out / "patients" / "case_0002" / "1.2" / "CT_1.2.3" / "1.dcm").write_bytes(b"x" * BYTES)
    assert check(out).faults == ["patients/case_0002/1.2/CT_1.2.3/1.dcm has changed."]


def test_a_stopped_download_keeps_what_is_whole(tmp_path: Path) -> None:
    out, client = tmp_path / "idc", FakeClient()
    client.short = "1.2.3"
    with pytest.raises(InputError, match=r"case_0002: 2 of 3 files of a CT series came .*run the same command again"):
        fetch(wanted(out), client)
    assert [path.name for path in (out / "patients").iterdir()] == ["case_0001"]
    client.short, client.asked = "", []
    assert fetch(wanted(out), client) == (2, 1)
    assert set(client.asked) == {"1.2.3", "1.2.1"}


def test_what_the_client_raises_becomes_one_sentence(tmp_path: Path) -> None:
    client = FakeClient()
    client.failing = "s5cmd: connection refused\nand more"
    with pytest.raises(InputError, match=r"^case_0001 could not be fetched from the IDC \(RuntimeError\): [^\n]*$"):
        fetch(wanted(tmp_path / "idc"), client)


def test_some_patients_may_be_chosen(tmp_path: Path) -> None:
    client = FakeClient()
    assert fetch(wanted(tmp_path / "first", first=1), client) == (1, 1)
    assert fetch(wanted(tmp_path / "named", patients=("case_0002",)), client) == (1, 1)
    with pytest.raises(InputError, match="has no patient case_0003: its first one is case_0001"):
        fetch(wanted(tmp_path / "none", patients=("case_0003",)), client)


def test_another_license_than_the_recipe_was_written_for_stops_it(tmp_path: Path) -> None:
    client = FakeClient()
    client.license = "CC BY-NC-ND 4.0"
    with pytest.raises(InputError, match=r"under CC BY-NC-ND 4\.0 and the recipe was written for CC BY 4\.0"):
        fetch(wanted(tmp_path / "idc"), client)
    assert not (tmp_path / "idc").exists()


def test_a_full_disk_is_said_before_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client, full = FakeClient(), type("Usage", (), {"free": 100})
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: full)
    with pytest.raises(OutputError, match=r"0\.0 GB are free: .*--first"):
        fetch(wanted(tmp_path / "idc"), client)
    assert client.asked == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"is not empty \(it holds thesis\.txt\)"):
        fetch(wanted(tmp_path), FakeClient())
    fetch(wanted(tmp_path / "idc"), FakeClient())
    other = FetchRequest(recipe_named("lctsc").facts, tmp_path / "idc", TERMS)
    client = FakeClient()
    client.license = "CC BY 3.0"
    with pytest.raises(OutputError, match=r"holds mediastinal_lymph_node_seg of IDC v25, and lctsc of IDC v25"):
        fetch(other, client)


def test_what_was_accepted_when_it_was_fetched_holds_for_preparing(tmp_path: Path) -> None:
    fetch(wanted(tmp_path / "idc"), FakeClient())
    request = PrepareRequest(RECIPE.facts.name, tmp_path / "idc", tmp_path / "cohort")
    fetched, accepted = accepted_terms(request, RECIPE)
    assert fetched is not None
    assert (accepted, fetched.idc_version) == (TERMS, "v25")


def test_without_idc_index_the_sentence_says_how_to_install_the_pinned_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert pins["public-data"] == [idc.REQUIREMENT]
    monkeypatch.setattr(idc.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=f"run python -m pip install {idc.REQUIREMENT}"):
        open_client()


def test_the_client_here_takes_what_idc_indexs_takes() -> None:
    spec = importlib.util.find_spec("idc_index")
    assert spec is not None
    assert spec.origin is not None
    # Read rather than imported: pandas and DuckDB take a second.
    tree = ast.parse(Path(spec.origin).with_name("index.py").read_text(encoding="utf-8"))
    real = {node.name: node.args for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for name in ("sql_query", "get_idc_version", "download_from_selection"):
        asked = set(inspect.signature(getattr(FakeClient, name)).parameters) - {"self"}
        assert asked <= {argument.arg for argument in (*real[name].args, *real[name].kwonlyargs)}
