"""Typst in a process of its own: the same page, and an end for want of memory that is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import typst

from LNStationLib.export.report import pdf, typst_apart
from LNStationLib.support.scarcity import remedy

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def page(folder: Path, text: str) -> Path:
    path = folder / "page.typ"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_page_is_that_of_this_process(tmp_path: Path) -> None:
    source, options = page(tmp_path, "= Größe"), {"root": tmp_path, "format": "pdf", "ignore_system_fonts": True}
    apart = typst_apart.compile_apart(source, options, WHEN)
    assert apart == typst.compile(source, timestamp=WHEN, **options)


def test_an_end_for_want_of_memory_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typst_apart, "_CHILD", "import os; os.abort()")
    with pytest.raises(MemoryError) as caught:
        typst_apart.compile_apart(page(tmp_path, ""), {}, WHEN)
    assert remedy(caught.value) == (
        "There is not enough memory: close other programs, or choose a larger working spacing."
    )


def test_a_fault_of_the_template_is_no_want_of_memory(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="typst ended with 1"):
        typst_apart.compile_apart(page(tmp_path, '#panic("x")'), {"format": "pdf"}, WHEN)


def test_only_a_limited_process_asks_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page(tmp_path, "= A").rename(tmp_path / "report.typ")
    assert pdf._compile(tmp_path, "A", WHEN.isoformat()).startswith(b"%PDF")
    monkeypatch.setattr(pdf, "memory_limit_bytes", lambda: 1 << 31)
    monkeypatch.setattr(pdf, "compile_apart", lambda source, options, when: b"apart")
    assert pdf._compile(tmp_path, "A", WHEN.isoformat()) == b"apart"
