"""The installer: an installation run through QProcess while the event loop goes on."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import slicer_host
from LNStationSlicer.install.Installation import DependencyError, Installation, Step
from LNStationSlicer.install.PipOutput import PipProgress
from LNStationSlicer.support.Command import Command

if reason := slicer_host.why_unavailable():
    pytest.skip(reason, allow_module_level=True)
slicer_host.start()

from LNStationSlicer.install.EnvironmentInstaller import EnvironmentInstaller  # noqa: E402
from slicer_host import driver  # noqa: E402


class Watched:
    """An installer and all that it said."""

    def __init__(self) -> None:
        self.installer = EnvironmentInstaller()
        self.progress: list[tuple[float, str]] = []
        self.ends: list[tuple[bool, str]] = []
        self.lines: list[str] = []
        self.deeds: list[str] = []
        self.installer.progress.connect(self._on_progress)
        self.installer.finished.connect(self._on_finished)
        self.installer.line.connect(self.lines.append)

    def _on_progress(self, fraction: float, text: str) -> None:
        self.progress.append((fraction, text))

    def _on_finished(self, ok: bool, sentence: str) -> None:
        self.ends.append((ok, sentence))

    def installation(self, *steps: Step, begin=None) -> Installation:
        return Installation(steps, begin or (lambda: self.deeds.append("begin")), lambda: self.deeds.append("end"))

    def run(self, *steps: Step) -> tuple[bool, str]:
        self.installer.start(self.installation(*steps))
        self.wait()
        return self.ends[-1]

    def wait(self) -> None:
        driver.wait_for(lambda: not self.installer.running, timeout=20, what="the installation")


@pytest.fixture
def watched() -> Iterator[Watched]:
    before = set(driver.child_processes())
    made = Watched()
    yield made
    made.installer.cleanup()
    assert set(driver.child_processes()) - before == set()
    assert slicer_host.take_slot_errors() == []


def python(code: str, share: float = 0.5, **options) -> Step:
    """A step that runs a piece of Python."""
    return Step(code[:20], share, Command(sys.executable, ("-c", code), dict(os.environ)), **options)


def test_steps_run_in_their_order_and_the_end_comes_last(watched: Watched) -> None:
    steps = [
        python("print('one')", finish=lambda code, lines: watched.deeds.append(f"{code} {lines}")),
        python("print('two')", finish=lambda code, lines: watched.deeds.append(f"{code} {lines}")),
    ]
    assert watched.run(*steps) == (True, "")
    assert watched.deeds == ["begin", "0 ['one']", "0 ['two']", "end"]
    assert len(watched.ends) == 1


def test_starting_returns_at_once_and_the_event_loop_goes_on(watched: Watched) -> None:
    began = time.monotonic()
    watched.installer.start(watched.installation(python("import time; time.sleep(0.8)")))
    assert time.monotonic() - began < 0.4
    assert watched.installer.running
    watched.wait()
    assert watched.ends == [(True, "")]


def test_progress_of_pip_is_passed_on_and_never_falls(watched: Watched) -> None:
    told = ("Collecting a", "  Downloading a-1-py3-none-any.whl (2 kB)", "Installing collected packages: a")
    code = f"for line in {told!r}: print(line)"
    watched.run(python(code, share=0.8, progress=PipProgress(1)), python("pass", share=0.2))
    fractions = [fraction for fraction, _ in watched.progress]
    assert fractions == sorted(fractions)
    assert "Downloading a (2 kB)" in [text for _, text in watched.progress]
    assert fractions[-1] == pytest.approx(0.8)


def test_a_failed_step_ends_it_with_its_sentence_and_the_rest_is_left_out(watched: Watched) -> None:
    def refuse(code: int, lines: list[str]) -> None:
        raise DependencyError(f"no: {code} {lines}")

    steps = python("import sys; print('why'); sys.exit(4)", finish=refuse), python("print('never')")
    assert watched.run(*steps) == (False, "no: 4 ['why']")
    assert watched.lines == ["why"]
    assert watched.deeds[-1] == "end"


def test_errors_and_output_are_both_read_and_an_unfinished_line_counts(watched: Watched) -> None:
    watched.run(python("import sys; sys.stderr.write('é wrong\\n'); sys.stderr.flush(); print('no newline', end='')"))
    assert sorted(watched.lines) == ["no newline", "é wrong"]


def test_a_program_that_is_not_there_is_named(watched: Watched) -> None:
    missing = Step("x", 1, Command("/nowhere/python", (), {}))
    ok, sentence = watched.run(missing)
    assert not ok
    assert sentence.startswith("/nowhere/python cannot be started")


def test_refusal_at_the_beginning_runs_nothing(watched: Watched) -> None:
    def refuse() -> None:
        raise DependencyError("locked")

    watched.installer.start(watched.installation(python("print('never')"), begin=refuse))
    assert (watched.ends, watched.lines) == ([(False, "locked")], [])


def test_cancelling_kills_the_process_and_says_so_once(watched: Watched) -> None:
    watched.installer.start(watched.installation(python("import time; print('up', flush=True); time.sleep(60)")))
    driver.wait_for(lambda: watched.lines == ["up"], timeout=10, what="the process")
    watched.installer.cancel()
    assert [ok for ok, _ in watched.ends] == [False]
    assert "stopped" in watched.ends[0][1]
    assert watched.deeds == ["begin", "end"]


def test_after_a_cancel_another_installation_can_be_run(watched: Watched) -> None:
    watched.installer.start(watched.installation(python("import time; time.sleep(60)")))
    watched.installer.cancel()
    assert watched.run(python("print('again')")) == (True, "")


def test_a_second_start_is_refused_while_one_runs(watched: Watched) -> None:
    watched.installer.start(watched.installation(python("import time; time.sleep(60)")))
    with pytest.raises(RuntimeError, match="already"):
        watched.installer.start(watched.installation())


def test_cleanup_stops_without_a_word(watched: Watched) -> None:
    watched.installer.start(watched.installation(python("import time; time.sleep(60)")))
    watched.installer.cleanup()
    assert (watched.ends, watched.deeds) == ([], ["begin", "end"])


def test_a_process_that_watches_its_input_ends_when_slicer_is_gone(tmp_path: Path) -> None:
    import subprocess

    start = Path(__file__).resolve().parents[4] / "LNStation" / "LNStationSlicer" / "install" / "WorkerStart.py"
    module = tmp_path / "sleeper.py"
    module.write_text("import time; print('up', flush=True); time.sleep(60)")
    command = [sys.executable, start, "--watched", tmp_path, "-", "sleeper"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    process.stdin.close()
    assert process.wait(10) == 3
    process.stdout.close()
