"""Lines and messages of the worker's protocol."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LNStationLib.worker import messages
from LNStationLib.worker.messages import Answer, Call, ErrorCode, LineSplitter, LineTooLong, MessageError, parse

BLOCKED = """
import sys
import numpy
allowed = set(sys.stdlib_module_names) | {"numpy", "LNStationLib"}
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in allowed:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
from LNStationLib.worker import messages, volume_files
from LNStationLib import anatomy
from LNStationLib.support import resources, types
foreign = {name.split(".")[0] for name in sys.modules} & {"SimpleITK", "pydantic", "scipy", "torch", "slicer"}
assert not foreign, foreign
print("imported")
"""


def test_the_client_half_imports_with_every_third_party_module_but_numpy_blocked(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "imported", done.stderr


def test_the_block_of_that_test_does_block(repository: Path) -> None:
    script = BLOCKED.replace("from LNStationLib.worker import", "import pydantic\nfrom LNStationLib.worker import")
    done = subprocess.run([sys.executable, "-c", script], cwd=repository, capture_output=True, text=True, check=False)
    assert "blocked: pydantic" in done.stderr


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
params = st.dictionaries(st.text(), values, max_size=3)
ids = st.integers() | st.text()


def clean(value: object) -> object:
    """Lone surrogates cannot be transferred in UTF-8."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace"))


@given(ids.map(clean), st.text().map(clean), params.map(clean))
def test_what_is_built_reads_back(number: str | int, method: str, given_params: dict) -> None:
    assert parse(messages.request(number, method, given_params)) == Call(method, given_params, number)
    assert parse(messages.notification(method, given_params)) == Call(method, given_params)
    assert parse(messages.result(number, given_params)) == Answer(number, given_params)
    answer = parse(messages.error(number, 1, method, given_params))
    assert isinstance(answer, Answer)
    assert answer.failure == messages.Failure(1, method, given_params)


@given(st.lists(params.map(clean), max_size=5), st.integers(1, 40))
def test_lines_survive_any_cutting(contents: list[dict], size: int) -> None:
    stream = b"".join(messages.notification("progress", content) for content in contents)
    splitter = LineSplitter()
    lines = [line for at in range(0, len(stream), size) for line in splitter.feed(stream[at : at + size])]
    assert [parse(line).params for line in lines] == contents  # type: ignore[union-attr, arg-type]
    assert not splitter.pending


def test_blank_lines_are_left_out_and_an_unended_line_is_pending() -> None:
    splitter = LineSplitter()
    assert list(splitter.feed(b"\n  \r\n{}\r\n{")) == [b"{}"]
    assert splitter.pending


def test_a_line_that_is_too_long_is_skipped_up_to_its_end_and_the_next_is_read() -> None:
    splitter = LineSplitter(max_bytes=10)
    found = [line for piece in (b"x" * 8, b"x" * 8, b"x\nshort\n") for line in splitter.feed(piece)]
    assert isinstance(found[0], LineTooLong)
    assert found[1:] == [b"short"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", ErrorCode.PARSE_ERROR),
        (b"\xff\xfe", ErrorCode.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","method":"a","params":{"x":NaN}}', ErrorCode.PARSE_ERROR),
        (b"[" * 100_000, ErrorCode.PARSE_ERROR),
        (b"[]", ErrorCode.INVALID_REQUEST),
        (b'"text"', ErrorCode.INVALID_REQUEST),
        (b'{"method":"a"}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0"}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"error":"bad"}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","method":3}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":[1],"method":"a"}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":true,"method":"a"}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"method":"a"}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}', ErrorCode.INVALID_PARAMS),
    ],
)
def test_what_is_no_message_is_refused_with_the_code_of_json_rpc(line: bytes, code: ErrorCode) -> None:
    with pytest.raises(MessageError) as refused:
        parse(line)
    assert refused.value.code == code


def test_a_refused_request_keeps_its_id_for_the_answer() -> None:
    with pytest.raises(MessageError) as refused:
        parse(b'{"jsonrpc":"2.0","id":"r7","method":"a","params":[1]}')
    assert refused.value.request_id == "r7"


def test_nan_never_leaves() -> None:
    with pytest.raises(ValueError, match="JSON"):
        messages.result(1, {"volume_ml": float("nan")})
