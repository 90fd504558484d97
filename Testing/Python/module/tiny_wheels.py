"""Tiny wheels made on the spot, and a runner of installations without Qt."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from LNStationSlicer.install.Installation import DependencyError, Installation


def write_wheel(folder: Path, name: str, version: str, requires: Sequence[str] = (), size: int = 0) -> Path:
    """Write a pure Python wheel whose module has the package's name and knows its version."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {line}\n" for line in requires)
    files = {
        f"{name}/__init__.py": f"version = {version!r}\n" + "#" * size,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_record_entry(text.encode())}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def _record_entry(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(content)}"


def scratch_python(folder: Path) -> Path:
    """A Python of its own with pip, which stands for PythonSlicer; return its executable."""
    venv.EnvBuilder(with_pip=False, symlinks=sys.platform != "win32").create(folder)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    # pip from the environment of the tests: much quicker than ensurepip, and enough.
    copy = (
        "import pip, pathlib, shutil, sys; source = pathlib.Path(pip.__file__).parent;"
        "[shutil.copytree(path, pathlib.Path(sys.argv[1]) / path.name) for path in"
        " [source, *source.parent.glob('pip-*.dist-info')]]"
    )
    subprocess.run([sys.executable, "-c", copy, str(site_packages(python))], check=True)
    return python


def site_packages(python: Path) -> Path:
    """Where that Python has its packages."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip())


def file_hashes(folder: Path) -> dict[str, str]:
    """Hash of every file under a folder, but for what Python compiles by itself."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@dataclass
class Outcome:
    """What became of an installation."""

    sentence: str = ""
    lines: list[str] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """True where no step raised."""
        return not self.sentence


def run_installation(installation: Installation, stop_before: str = "") -> Outcome:
    """Run the steps one after another; ``stop_before`` is the title of a step at which all breaks off."""
    outcome, done = Outcome(), 0.0
    try:
        installation.begin()
        for step in installation.steps:
            if step.title == stop_before:
                return outcome
            code, lines = _run(step.command, lambda line, step=step, done=done: _feed(outcome, step, done, line))
            outcome.lines += lines
            step.finish(code, lines)
            done += step.share
    except DependencyError as error:
        outcome.sentence = str(error)
    finally:
        installation.end()
    return outcome


def _feed(outcome: Outcome, step, done: float, line: str) -> None:
    if step.progress is not None and step.progress.feed(line):
        outcome.fractions.append(done + step.share * step.progress.fraction)
        outcome.texts.append(step.progress.text)


def _run(command, on_line: Callable[[str], None]) -> tuple[int, list[str]]:
    lines = []
    with subprocess.Popen(
        [command.program, *command.arguments],
        env=dict(command.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout:
            lines.append(line.rstrip())
            on_line(line)
        code = process.wait()
    return code, lines
