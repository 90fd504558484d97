"""Messages between the Slicer module and the worker: JSON-RPC 2.0, one JSON object a line, UTF-8.

Standard library only, because both sides use it. Specification: https://www.jsonrpc.org/specification.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

PROTOCOL = 1
"""Version of the protocol; the client refuses a worker of another version."""
MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longer lines are refused; images never travel in a line."""

RequestId = str | int


class ErrorCode(IntEnum):
    """Codes of errors: negative ones of JSON-RPC, positive ones of LNStation."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    INPUT_ERROR = 1
    CANCELLED = 2
    OUT_OF_MEMORY = 3
    UNKNOWN_CASE = 4


class MessageError(Exception):
    """A line or its content is not a message.

    Attributes:
        code: For the answer.
        request_id: Of the request, where it could be read.
    """

    def __init__(self, code: ErrorCode, message: str, request_id: RequestId | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


@dataclass(frozen=True)
class Call:
    """A request, or a notification where ``request_id`` is ``None``."""

    method: str
    params: dict[str, Any] = field(default_factory=dict)
    request_id: RequestId | None = None


@dataclass(frozen=True)
class Failure:
    """An error as answered.

    Attributes:
        code: See :class:`ErrorCode`.
        message: One sentence for the user.
        data: More for programs; may be empty.
    """

    code: int
    message: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer: ``failure`` is ``None`` where the request succeeded.

    ``request_id`` is ``None`` where the worker could not tell which request it answers.
    """

    request_id: RequestId | None
    result: Any = None
    failure: Failure | None = None


def request(request_id: RequestId, method: str, params: Mapping[str, Any] | None = None) -> bytes:
    """A request as a line."""
    return _line({"id": request_id, "method": method, "params": dict(params or {})})


def notification(method: str, params: Mapping[str, Any] | None = None) -> bytes:
    """A notification as a line."""
    return _line({"method": method, "params": dict(params or {})})


def result(request_id: RequestId, value: Any) -> bytes:
    """The answer to a request that succeeded, as a line."""
    return _line({"id": request_id, "result": value})


def error(request_id: RequestId | None, code: int, message: str, data: Mapping[str, Any] | None = None) -> bytes:
    """The answer to a request that failed, as a line."""
    content: dict[str, Any] = {"code": int(code), "message": message}
    if data:
        content["data"] = dict(data)
    return _line({"id": request_id, "error": content})


def parse(line: bytes | str) -> Call | Answer:
    """Read a line.

    Raises:
        MessageError: Not JSON (with code ``PARSE_ERROR``), or not a message (``INVALID_REQUEST``, or
            ``INVALID_PARAMS`` where parameters are not given by name).
    """
    try:
        content = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        raise MessageError(ErrorCode.PARSE_ERROR, "The line is not JSON in UTF-8.") from problem
    if not isinstance(content, dict):
        raise MessageError(ErrorCode.INVALID_REQUEST, "A message is one JSON object; batches are not supported.")
    request_id = _id_of(content)
    if content.get("jsonrpc") != "2.0":
        raise MessageError(ErrorCode.INVALID_REQUEST, 'A message needs "jsonrpc": "2.0".', request_id)
    if "method" in content:
        return _call(content, request_id)
    return _answer(content, request_id)


def _id_of(content: dict[str, Any]) -> RequestId | None:
    value = content.get("id")
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    raise MessageError(ErrorCode.INVALID_REQUEST, "An id is a string or a whole number.")


def _call(content: dict[str, Any], request_id: RequestId | None) -> Call:
    if not isinstance(content["method"], str):
        raise MessageError(ErrorCode.INVALID_REQUEST, "A method is named by a string.", request_id)
    if "id" in content and request_id is None:
        raise MessageError(ErrorCode.INVALID_REQUEST, "A request needs an id that is not null.")
    params = content.get("params", {})
    if not isinstance(params, dict):
        raise MessageError(ErrorCode.INVALID_PARAMS, "Parameters are given by name, as an object.", request_id)
    return Call(content["method"], params, request_id)


def _answer(content: dict[str, Any], request_id: RequestId | None) -> Answer:
    problem = content.get("error")
    if "result" in content and problem is None:
        return Answer(request_id, content["result"])
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), int):
        raise MessageError(ErrorCode.INVALID_REQUEST, "A message has a method, a result or an error.", request_id)
    data = problem.get("data")
    failure = Failure(problem["code"], str(problem.get("message", "")), data if isinstance(data, dict) else {})
    return Answer(request_id, failure=failure)


class LineTooLong:
    """Stands in the place of a line that was longer than allowed and was left out."""


class LineSplitter:
    """Makes lines of what arrives in pieces of any size."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max = max_bytes
        self._pieces: list[bytes] = []
        self._length = 0
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes | LineTooLong]:
        """Take what arrived.

        Args:
            data: Any number of bytes.

        Yields:
            Every line that ended, without its end; blank lines are left out.
        """
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._take(piece)
            yield from self._finished()
        self._take(rest)

    @property
    def pending(self) -> bool:
        """True where the last line has not ended."""
        return bool(self._length) or self._skipping

    def _take(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._skipping or self._length > self._max:
            self._skipping = True
            self._pieces.clear()
        elif piece:
            self._pieces.append(piece)

    def _finished(self) -> Iterator[bytes | LineTooLong]:
        line, skipped = b"".join(self._pieces).strip(), self._skipping
        self._pieces.clear()
        self._length, self._skipping = 0, False
        if skipped:
            yield LineTooLong()
        elif line:
            yield line


def _line(content: dict[str, Any]) -> bytes:
    """One line; NaN and infinity, which JSON lacks, are a defect of the sender."""
    text = json.dumps({"jsonrpc": "2.0", **content}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace") + b"\n"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
