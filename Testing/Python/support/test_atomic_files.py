"""Files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from LNStationLib.support.atomic_files import atomic_file, write_atomically


def test_text_and_bytes_arrive(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "größer\n")
    write_atomically(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_bytes() == "größer\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes", "text"]


def break_off(path: Path) -> None:
    with atomic_file(path) as unfinished:
        unfinished.write_text("new but not all", encoding="utf-8")
        raise RuntimeError("half way")


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError, match="half way"):
        break_off(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_name_is_taken_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with atomic_file(path) as unfinished:
        unfinished.write_text("part", encoding="utf-8")
        assert not path.exists()
        assert unfinished.parent == path.parent
    assert path.read_text(encoding="utf-8") == "part"


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "table.csv"):
        pass
