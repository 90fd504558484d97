"""What the host needs is pinned, installed where it can be, and named where it cannot."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import slicer_host
from slicer_host import availability

import run

ROOT = Path(__file__).resolve().parents[3]


def test_the_host_is_there_where_continuous_integration_runs() -> None:
    if not os.environ.get("CI"):
        pytest.skip("not continuous integration: there the host may lack")
    assert slicer_host.why_unavailable() == ""


def test_the_other_package_called_slicer_is_not_installed() -> None:
    names = {(one.metadata["Name"] or "").lower() for one in importlib.metadata.distributions()}
    assert "slicer" not in names
    assert not re.search(r"^slicer==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


def test_asking_for_the_host_imports_neither_slicer_nor_qt() -> None:
    code = (
        "import sys, slicer_host; slicer_host.why_unavailable();"
        "print([name for name in ('slicer', 'vtk', 'PySide6', 'trame_slicer') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "Testing")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_absent_libraries_are_named_by_their_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listing = tmp_path / "system_packages.txt"
    listing.write_text("# comment\nlibc6 libc.so.6\nlibnone1 libnone-such.so.1\n")
    monkeypatch.setattr(availability, "SYSTEM_PACKAGES", listing)
    assert availability.missing_system_packages() == ["libnone1"]


def test_starting_without_what_it_needs_says_what(monkeypatch: pytest.MonkeyPatch) -> None:
    from slicer_host import host

    monkeypatch.setattr(host, "_started", False)
    monkeypatch.setattr(availability, "why_unavailable", lambda: "the Slicer host needs vtk")
    with pytest.raises(RuntimeError, match="needs vtk"):
        slicer_host.start()


def fake_installer(tmp_path: Path) -> Path:
    """A command that notes its arguments."""
    command = tmp_path / "apt-get"
    command.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    command.chmod(0o755)
    return command


@pytest.mark.skipif(sys.platform != "linux", reason="system packages are looked after on Linux only")
def test_missing_system_packages_are_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers = [["libegl1", "libgl1"], []]
    monkeypatch.setattr(run, "missing_system_packages", lambda: answers.pop(0))
    monkeypatch.setattr(run, "apt_get", lambda: [str(fake_installer(tmp_path))])
    run.install_system_packages(tmp_path / "log")
    assert (tmp_path / "calls").read_text().splitlines() == [
        "update -q",
        "install -q -y --no-install-recommends libegl1 libgl1",
    ]


def test_system_packages_that_cannot_be_installed_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "missing_system_packages", lambda: ["libegl1"])
    monkeypatch.setattr(run, "apt_get", lambda: None)
    run.install_system_packages(tmp_path / "log")
    assert "install the system packages libegl1" in capsys.readouterr().err


def test_nothing_is_called_where_nothing_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail() -> None:
        raise AssertionError

    monkeypatch.setattr(run, "missing_system_packages", list)
    monkeypatch.setattr(run, "apt_get", fail)
    run.install_system_packages(tmp_path / "log")


@pytest.mark.skipif(os.name == "nt", reason="users and sudo of POSIX systems")
def test_apt_get_is_called_by_root_or_through_sudo_without_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_installer(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert run.apt_get() == ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    sudo = tmp_path / "sudo"
    for code, found in ((0, True), (1, False)):
        sudo.write_text(f"#!/bin/sh\nexit {code}\n")
        sudo.chmod(0o755)
        assert (run.apt_get() is not None) is found
    monkeypatch.setenv("PATH", "/nowhere")
    assert run.apt_get() is None
