"""A small archive in this process that speaks as much DICOMweb as LNStation asks for, and fails on request."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

_BOUNDARY = "boundary-of-the-archive"


@dataclass
class WebArchive:
    """What the archive holds and how it behaves.

    Attributes:
        files: Encoded instances in their order.
        token: Asked for, where not empty.
        break_at: Share of an answer with images after which the connection is closed; 1 sends all.
        with_length: Tell the length of an answer beforehand.
        break_stores: Close the connection while objects come in.
        refused: SOP class UIDs that are refused.
        url: Where it listens.
    """

    files: list[bytes] = field(default_factory=list)
    token: str = ""
    break_at: float = 1.0
    with_length: bool = True
    break_stores: bool = False
    refused: tuple[str, ...] = ()
    url: str = ""

    def add(self, folder: Path) -> WebArchive:
        self.files += [path.read_bytes() for path in sorted(folder.rglob("*.dcm"))]
        return self

    @property
    def headers(self) -> list[Dataset]:
        return [dcmread(BytesIO(file), stop_before_pixels=True) for file in self.files]


@contextmanager
def serving(archive: WebArchive, tls: ssl.SSLContext | None = None) -> Iterator[WebArchive]:
    """The archive on a port of the loopback, by TLS where a context is given."""

    class Handler(_Handler):
        held = archive

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    archive.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/dicom-web"
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    held: WebArchive

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = self.path.split("?")[0].strip("/").split("/")[1:]
        if not self._allowed():
            return
        images = [(one, file) for one, file in zip(self.held.headers, self.held.files, strict=True)]
        images = [(one, file) for one, file in images if one.StudyInstanceUID == parts[1]]
        if len(parts) == 3:
            self._answer(200, json.dumps(_listed([one for one, _ in images])).encode(), "application/dicom+json")
            return
        if len(parts) == 5:
            of_series = [one for one, _ in images if one.SeriesInstanceUID == parts[3]]
            self._answer(200, json.dumps([_frames(one) for one in of_series]).encode(), "application/dicom+json")
            return
        body = b"".join(_part(file) for one, file in images if one.SeriesInstanceUID == parts[3])
        self._answer(
            200,
            body + f"--{_BOUNDARY}--\r\n".encode(),
            f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}',
            self.held.break_at,
        )

    def do_POST(self) -> None:
        if not self._allowed():
            return
        if self.held.break_stores:
            self.rfile.read(1000)
            self.connection.close()
            return
        body = self._chunks() if "chunked" in self.headers.get("Transfer-Encoding", "") else self._sized()
        message = message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        came = [part.get_payload(decode=True) for part in message.get_payload()]
        answer = Dataset()
        answer.FailedSOPSequence = []
        for file in came:
            one = dcmread(BytesIO(file), stop_before_pixels=True)
            if one.SOPClassUID in self.held.refused:
                item = Dataset()
                item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
                item.FailureReason = 0xA900
                answer.FailedSOPSequence.append(item)
            else:
                self.held.files.append(file)
        self._answer(202 if answer.FailedSOPSequence else 200, answer.to_json().encode(), "application/dicom+json")

    def _allowed(self) -> bool:
        if self.held.token and self.headers.get("Authorization") != f"Bearer {self.held.token}":
            self._answer(401, b"", "text/plain")
            return False
        return True

    def _answer(self, status: int, body: bytes, kind: str, share: float = 1.0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if self.held.with_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: int(share * len(body))])
        if share < 1 or not self.held.with_length:
            self.close_connection = True

    def _sized(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


def _part(file: bytes) -> bytes:
    return f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file + b"\r\n"


def _frames(one: Dataset) -> dict[str, Any]:
    """An instance as DICOM JSON."""
    said = {"00080018": {"vr": "UI", "Value": [one.SOPInstanceUID]}}
    return said | ({"00280008": {"vr": "IS", "Value": [int(one.NumberOfFrames)]}} if "NumberOfFrames" in one else {})


def _listed(headers: list[Dataset]) -> list[dict[str, Any]]:
    """Series as DICOM JSON."""
    series: dict[str, list[Dataset]] = {}
    for one in headers:
        series.setdefault(one.SeriesInstanceUID, []).append(one)
    return [
        {
            "00080060": {"vr": "CS", "Value": [images[0].Modality]},
            "0020000E": {"vr": "UI", "Value": [uid]},
            "00200011": {"vr": "IS", "Value": [int(images[0].SeriesNumber)]},
            "00201209": {"vr": "IS", "Value": [len(images)]},
        }
        for uid, images in series.items()
    ]
