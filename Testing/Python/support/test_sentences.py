"""What a file holds, within a sentence."""

from __future__ import annotations

import errno

import pytest

from LNStationLib.support.json_text import parse_json, parse_tame_json
from LNStationLib.support.scarcity import remedy, system_error
from LNStationLib.support.sentences import first_line, on_one_line, quoted


def test_what_is_quoted_stays_on_one_line_is_short_and_steers_no_terminal() -> None:
    assert quoted("section.region") == "section.region"
    assert quoted("a\r\nb\x1b[31m\u202e") == "a??b?[31m?"
    assert len(quoted("x" * 5000)) < 150


def test_what_a_library_says_over_many_lines_becomes_one() -> None:
    long = RuntimeError("cannot open\nframe #0: c10::Error\nframe #1: main")
    assert first_line(long) == "cannot open"
    assert first_line(RuntimeError()) == "RuntimeError"
    assert on_one_line(ValueError("while parsing\n  in line 3\n")) == "while parsing in line 3"
    assert on_one_line(ValueError()) == "ValueError"


@pytest.mark.parametrize("text", ["[" * 20_000, "9" * 6000, "{", b"\xff\xfe\x00"])
def test_text_that_is_no_json_is_a_value_error_whatever_is_wrong(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (Python's own messages)
        parse_json(text)


@pytest.mark.parametrize("text", ["NaN", "[1e999]", "9" * 30, "[" * 70 + "]" * 70, '["\\ud800"]', "{"])
def test_json_that_other_programs_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of several kinds)
        parse_tame_json(text)


def test_other_json_is_read() -> None:
    assert parse_tame_json('{"a": [1.5, -2, null, "\\u00e9"]}') == {"a": [1.5, -2, None, "é"]}


def test_what_a_machine_lacks_is_told_with_a_remedy_and_other_errors_are_not() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/data/out/a.json")
    assert remedy(full) == "No space is left for /data/out/a.json: free some or choose another folder."
    assert "No space is left for the results" in str(remedy(OSError(errno.EFBIG, "File too large")))
    assert "not enough memory" in str(remedy(ImportError("x.so: failed to map segment from shared object")))
    assert "too long" in str(remedy(OSError(errno.ENAMETOOLONG, "File name too long", "a" * 999)))
    assert remedy(FileNotFoundError(errno.ENOENT, "No such file", "a")) is None
    assert remedy(RuntimeError("boom")) is None


def test_the_error_of_the_system_is_found_behind_that_of_a_library() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    wrapped = OSError("With tag X got exception")
    wrapped.__cause__ = full
    assert system_error(wrapped) is full
    assert system_error(OSError("nothing behind")) is None
