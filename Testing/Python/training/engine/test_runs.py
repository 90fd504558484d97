"""What a run's arguments say of its task."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from lnstation_training.engine.runs import task_of_arguments, task_of_run
from LNStationLib.support.errors import InputError


@pytest.mark.parametrize("flags", [["--task", "toy"], ["--task=toy"], ["--config", "FILE"], ["-c", "FILE"]])
def test_the_task_is_found_on_the_command_line_and_in_settings(flags: list[str], tmp_path: Path) -> None:
    file = tmp_path / "fit.yaml"
    file.write_text("task: toy\nmodel: {}\n", encoding="utf-8")
    given = [str(file) if flag == "FILE" else flag for flag in flags]
    assert task_of_arguments(["--data.fold", "1", *given, "--out", "run"]) == "toy"


def test_the_command_line_takes_the_place_of_settings(tmp_path: Path) -> None:
    (tmp_path / "fit.yaml").write_text("task: toy\n", encoding="utf-8")
    assert task_of_arguments(["--task", "other", "--config", str(tmp_path / "fit.yaml")]) == "other"


@pytest.mark.parametrize("content", ["model: {}\n", "- 1\n", "a: [\n", None])
def test_settings_that_name_no_task_or_cannot_be_read_name_none(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "fit.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    assert task_of_arguments(["--config", str(file)]) is None
    assert task_of_arguments({"model": {}}) is None


def test_a_folder_without_a_run_has_no_task(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        task_of_run(tmp_path)
