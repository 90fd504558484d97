"""A download that breaks off: what was fetched already is not fetched again."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from LNStationSlicer.install.Interpreters import Interpreter, cleanEnvironment
from LNStationSlicer.install.PinnedPackages import PinnedPackages
from LNStationSlicer.install.WorkerEnvironment import EnvironmentState, WorkerEnvironment
from module.tiny_wheels import run_installation, scratch_python, write_wheel

ROOT = Path(__file__).resolve().parents[4]


class PackageServer:
    """A package index on this computer that can break off in the middle of a file.

    Attributes:
        asked: How often each wheel was asked for.
        broken: Names of wheels of which only the first half is sent.
    """

    def __init__(self, wheels: Path) -> None:
        self.asked: Counter[str] = Counter()
        self.broken: set[str] = set()
        self._wheels = wheels
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/simple/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.rstrip("/").rsplit("/", 1)[-1]
        if not name.endswith(".whl"):
            links = [f'<a href="/files/{path.name}">{path.name}</a>' for path in self._wheels.glob(f"{name}-*.whl")]
            self._send(request, "<html><body>" + "".join(links) + "</body></html>", "text/html")
            return
        self.asked[name] += 1
        content = (self._wheels / name).read_bytes()
        self._send(request, content, "application/zip", half=name in self.broken)

    def _send(self, request: BaseHTTPRequestHandler, content: bytes | str, kind: str, half: bool = False) -> None:
        data = content.encode() if isinstance(content, str) else content
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(data)))
        if kind != "text/html":
            request.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            request.send_header("Cache-Control", "max-age=31536000")
        request.end_headers()
        request.wfile.write(data[: len(data) // 2] if half else data)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PackageServer]:
    """Serves ``alpha``, and ``beta``, which is large."""
    wheels = tmp_path / "served"
    write_wheel(wheels, "alpha", "1.0")
    write_wheel(wheels, "beta", "2.0", ["alpha"], size=200_000)
    running = PackageServer(wheels)
    yield running
    running.close()


@pytest.fixture(scope="module")
def own_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with pip alone: pip looks at all packages of the Python that it runs in."""
    return scratch_python(tmp_path_factory.mktemp("python"))


@pytest.fixture
def environment(
    tmp_path: Path, server: PackageServer, own_python: Path, monkeypatch: pytest.MonkeyPatch
) -> WorkerEnvironment:
    """An environment whose packages come from that server, as a user's own pip settings would have it."""
    monkeypatch.setattr("LNStationSlicer.install.WorkerEnvironment.NEEDED_BYTES", {False: 1, True: 1})
    for name in ("requirements.txt", "constraints.txt"):
        (tmp_path / name).write_text("alpha==1.0\nbeta==2.0\n")
    # pip keeps files in its cache from trusted places alone, as every index with https is.
    host = server.address.split("/")[2]
    own = {"PIP_INDEX_URL": server.address, "PIP_TRUSTED_HOST": host, "PIP_CONFIG_FILE": os.devnull}
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    variables = {name: value for name, value in variables.items() if not name.lower().endswith("_proxy")}
    python = Interpreter(str(own_python), sys.version_info[:2])
    lists = PinnedPackages.inFolder(tmp_path)
    return WorkerEnvironment(tmp_path / "data", python, lists, ROOT, cleanEnvironment(variables | own), ("beta",))


def test_broken_download_is_explained_and_goes_on_where_it_stopped(
    environment: WorkerEnvironment, server: PackageServer
) -> None:
    server.broken = {"beta-2.0-py3-none-any.whl"}
    outcome = run_installation(environment.installation())
    assert not outcome.succeeded
    assert outcome.sentence.startswith("The download was interrupted")
    assert environment.state() is EnvironmentState.UNFINISHED
    assert server.asked["alpha-1.0-py3-none-any.whl"] == 1

    server.broken = set()
    outcome = run_installation(environment.installation())
    assert outcome.succeeded, outcome.sentence
    assert environment.state() is EnvironmentState.READY
    assert server.asked["alpha-1.0-py3-none-any.whl"] == 1


def test_repair_fetches_everything_anew(environment: WorkerEnvironment, server: PackageServer) -> None:
    for from_scratch, times in ((False, 1), (True, 2)):
        assert run_installation(environment.installation(fromScratch=from_scratch)).succeeded
        assert set(server.asked.values()) == {times}


def test_an_unreachable_server_is_explained(environment: WorkerEnvironment, server: PackageServer) -> None:
    server.close()
    installation = environment.installation()
    for step in installation.steps:
        if step.progress is not None:
            step.command.environment.update({"PIP_RETRIES": "1", "PIP_TIMEOUT": "1"})
    assert run_installation(installation).sentence.startswith("The download was interrupted")
