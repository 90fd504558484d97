"""What a file holds, within a sentence."""

from __future__ import annotations

import pytest

from LNStationLib.support.json_text import parse_json
from LNStationLib.support.sentences import quoted


def test_what_is_quoted_stays_on_one_line_is_short_and_steers_no_terminal() -> None:
    assert quoted("section.region") == "section.region"
    assert quoted("a\r\nb\x1b[31m\u202e") == "a??b?[31m?"
    assert len(quoted("x" * 5000)) < 150


@pytest.mark.parametrize("text", ["[" * 20_000, "9" * 6000, "{", b"\xff\xfe\x00"])
def test_text_that_is_no_json_is_a_value_error_whatever_is_wrong(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (Python's own messages)
        parse_json(text)
