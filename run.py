"""Run LNStation from its source folder: ``python3 run.py demo``, ``... assess``, ``... test``.

Standard library only. Makes a virtual environment ``.venv`` beside itself with the packages that the command needs,
once, and then hands over to ``python -m LNStationLib``, whose ``--help`` lists the commands, or for ``train`` to
``python -m lnstation_training``. ``test`` runs the checks
(ruff, codespell, mypy, import-linter) and the tests; what follows it goes to pytest.
"""

# The oldest Python that may meet this file must still be able to read it and say what is wrong:
# no syntax newer than Python 3.6 here (so typing.Dict, not dict[...]), and nothing newer imported at the top.

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, TextIO, Tuple

ROOT = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 12)
NETWORKS = ("networks", "openvino")
"""Organs are found by a network unless the command line asks for another method."""
GROUPS: Dict[str, Tuple[str, ...]] = {
    "assess": NETWORKS,
    "batch": (*NETWORKS, "batch"),
    "batch-scheduler": (*NETWORKS, "batch"),
    "batch-worker": (*NETWORKS, "batch"),
    "demo": NETWORKS,
    "networks": ("networks",),
    "test": ("lint", "test", "host", "networks", "openvino", "registration", "batch", "public-data", "training"),
    "train": ("networks", "openvino", "training"),
}
"""Groups of ``optional-dependencies`` that a command needs beside the dependencies themselves."""
NETWORK_OPTIONS = ("--model", "--build")
"""Options of any command that run networks."""
TAIL_LINES = 15
"""Of a failed command's output."""
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""For glibc, in bytes: arrays of up to 32 MiB reuse memory that a process has already. Otherwise each one that a test
makes would be mapped and cleared anew."""
SYSTEM_PACKAGE_LISTS = (ROOT / "Testing" / "slicer_host" / "availability.py", ROOT / "Testing" / "dicom_tools.py")
"""Knows which system packages the tests of the Slicer module need."""


class SetupError(Exception):
    """The environment cannot be made; the message is for the user."""


class Environment:
    """The virtual environment of this source tree.

    A stamp inside it says what was installed. The stamp is taken away before anything is changed and written last,
    so an interrupted set-up is always seen and done again. What the set-up's programs print goes to a log beside it.
    """

    def __init__(self, folder: Path, constraints: Path) -> None:
        self.folder = folder
        self.constraints = constraints
        self.stamp = folder / "lnstation-stamp.json"
        self.marker = folder / "made-by-lnstation"
        self.lock = folder.with_name(folder.name + ".lock")
        self.log = folder.with_name(folder.name + ".log")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def installed(self) -> Dict[str, str]:
        """What the stamp says: the digest of the requirements of every installed group, by group."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) and self.python.exists() else {}

    def ready(self, requirements: Dict[str, List[str]]) -> bool:
        """True where every group of ``requirements`` is installed as it stands now."""
        installed = self.installed()
        return all(installed.get(group) == self._digest(lines) for group, lines in requirements.items())

    def make_ready(self, requirements: Dict[str, List[str]]) -> None:
        """Install what is missing; another process that does the same is waited for."""
        if self.ready(requirements):
            return
        with locked(self.lock):
            if not self.ready(requirements):
                self._install(requirements)

    def _install(self, requirements: Dict[str, List[str]]) -> None:
        say(f"Setting up LNStation in {self.folder} (once; some minutes; log in {self.log.name}) ...")
        self.log.write_text("", encoding="utf-8")
        installed = self.installed()
        if not installed:
            self._create()
        elif self.stamp.exists():
            self.stamp.unlink()
        wanted = sorted({line for lines in requirements.values() for line in lines})
        command = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        # Compiling all of 16 000 files takes over a minute; Python compiles the few that are used when it meets them.
        command.append("--no-compile")
        command += ["--constraint", str(self.constraints), *wanted]
        run_or_fail(
            command,
            f"The packages could not be installed (the end of {self.log} is above): check the network connection or "
            "proxy, then run the same command again.",
            self.log,
        )
        installed.update({group: self._digest(lines) for group, lines in requirements.items()})
        unfinished = self.stamp.with_suffix(".tmp")
        unfinished.write_text(json.dumps(installed, indent=1), encoding="utf-8")
        os.replace(str(unfinished), str(self.stamp))
        say("Set up.")

    def _digest(self, lines: Sequence[str]) -> str:
        """Short hash of a group's requirements and of the versions they are held to."""
        text = "\n".join([*sorted(lines), self.constraints.read_text(encoding="utf-8")])
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]

    def _create(self) -> None:
        if self.folder.exists():
            if not self.marker.exists():
                raise SetupError(
                    f"{self.folder} exists and was not made by run.py: move or delete it, "
                    "then run the same command again."
                )
            shutil.rmtree(str(self.folder))
        self.folder.mkdir()
        self.marker.write_text("Made by run.py; safe to delete.\n", encoding="utf-8")
        run_or_fail(
            [sys.executable, "-m", "venv", str(self.folder)],
            "Python's venv module failed (its message is above): on Debian and Ubuntu install python3-venv, "
            "then run the same command again.",
            self.log,
        )


def say(text: str) -> None:
    """Tell the user; standard output belongs to the command."""
    print(text, file=sys.stderr, flush=True)


def run_or_fail(command: Sequence[str], complaint: str, log: Path) -> None:
    """Run a command with its output in a log.

    Raises:
        SetupError: It failed; the end of its output has been said, and the message is ``complaint``.
    """
    try:
        code, lines = run_logged(command, log)
    except OSError as error:
        code, lines = 1, [str(error)]
    if code != 0:
        for line in tail(lines):
            say("  " + line)
        raise SetupError(complaint)


def run_logged(command: Sequence[str], log: Path) -> Tuple[int, List[str]]:
    """Run a command and add its output to a log, showing what it is at; its exit code and its lines.

    A package client may print hundreds of lines that worry a user and mean nothing, and the one that matters is lost
    among them.
    """
    lines: List[str] = []
    with log.open("a", encoding="utf-8") as file, ProgressLine(sys.stderr) as progress:
        file.write("$ " + " ".join(command) + "\n")
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=dict(os.environ, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8"),
            encoding="utf-8",
            errors="replace",
        ) as process:
            try:
                for line in process.stdout or ():
                    file.write(line)
                    file.flush()
                    lines.append(line.rstrip())
                    progress.show(activity(line))
            except BaseException:
                # After an interruption nothing may go on writing into an environment that counts as unfinished.
                process.kill()
                raise
        return process.returncode, lines


def activity(line: str) -> str:
    """What a line of pip's says is being done; empty where it says nothing of the kind."""
    words = line.split()
    if line.startswith("Installing collected packages"):
        return "installing the packages"
    if len(words) > 1 and words[0] in ("Collecting", "Downloading"):
        return words[0].lower() + " " + words[1].split("/")[-1]
    if words[:3] == ["Building", "wheel", "for"] and len(words) > 3:
        return "building " + words[3]
    return ""


def tail(lines: Sequence[str]) -> List[str]:
    """The last lines of an output, each once: what went wrong stands at the end, warnings are repeated."""
    return [line for line in dict.fromkeys(lines) if line.strip()][-TAIL_LINES:]


class ProgressLine:
    """One line on a terminal that is written over and goes away at the end; nothing where there is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.width = shutil.get_terminal_size().columns - 1 if stream.isatty() else 0

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")
        self._write(None)

    def show(self, text: str) -> None:
        """Replace the line; an empty text leaves it."""
        if text:
            self._write("  " + text)

    def _write(self, text: Optional[str]) -> None:
        if self.width > 0:
            self.stream.write("\r" + ("" if text is None else text[: self.width].ljust(self.width)))
            self.stream.flush()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for another holder; the system releases it even where the process is killed."""
    with path.open("a") as handle:
        if sys.platform == "win32":
            import msvcrt

            # Waits ten seconds a call, so it is asked until the other process is done.
            while True:
                try:
                    msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:
                    say("Waiting for another set-up to finish ...")
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def needs_networks(arguments: Sequence[str]) -> bool:
    """True where an option asks for networks, whatever the command."""
    return any(argument.split("=")[0] in NETWORK_OPTIONS for argument in arguments)


def read_requirements(command: str, arguments: Sequence[str] = ()) -> Dict[str, List[str]]:
    """Requirements from ``pyproject.toml`` that a command line needs, by group; ``""`` is the run-time group."""
    import tomllib

    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    requirements = {"": project["dependencies"]}
    groups = GROUPS.get(command, ()) + (("networks",) if needs_networks(arguments) else ())
    groups += ("openvino",) if {"openvino", "--engine=openvino"} & set(arguments) else ()
    groups += ("public-data",) if list(arguments[:3]) == ["train", "data", "fetch"] else ()
    groups += ("networks", "registration") if any("convex_adam" in argument for argument in arguments) else ()
    requirements.update({group: project["optional-dependencies"][group] for group in groups})
    return requirements


def install_system_packages(log: Path) -> None:
    """Install the system packages that some tests need, where some lack and it can be done.

    Where it cannot, the user is told which they are, and those tests are skipped. The installer's output goes to
    ``log``.
    """
    missing = missing_system_packages()
    if not missing:
        return
    installer = apt_get()
    if installer is not None:
        say("Installing system packages for the tests: " + " ".join(missing) + " ...")
        for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *missing]):
            # An update may fail for a source that does not matter here; whether it worked is looked at below.
            run_logged([*installer, *arguments], log)
        missing = missing_system_packages()
    if missing:
        tried = f"; {log} says why that failed" if installer is not None else ""
        say(
            "Tests of the Slicer module or of DICOM files are skipped: "
            f"install the system packages {' '.join(missing)} (as Debian and Ubuntu call them{tried}) "
            "and run the same command again."
        )


def missing_system_packages() -> List[str]:
    """Names of the absent packages; none on other systems than Linux, where the wheels bring all they need."""
    import importlib.util

    missing: List[str] = []
    for path in SYSTEM_PACKAGE_LISTS if sys.platform == "linux" else ():
        spec = importlib.util.spec_from_file_location(path.stem, str(path))
        if spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            missing += module.missing_system_packages()
    return missing


def apt_get() -> Optional[List[str]]:
    """The command that installs Debian's and Ubuntu's packages without asking, or ``None``."""
    if shutil.which("apt-get") is None:
        return None
    # Run level 1: no package that brings a service (Orthanc) starts it, only the tests do.
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get"]
    if os.name == "posix" and os.geteuid() == 0:
        return quiet
    if shutil.which("sudo") and subprocess.call(["sudo", "-n", "true"], stderr=subprocess.DEVNULL) == 0:
        return ["sudo", "-n", *quiet]
    return None


def suitable(version: Tuple[int, int]) -> bool:
    """True where LNStation runs on that Python, given as ``(major, minor)``."""
    return OLDEST <= version <= NEWEST


def find_python() -> Optional[str]:
    """Path of a suitable interpreter on PATH, or ``None``."""
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        found = shutil.which(f"python3.{minor}")
        candidates = [[found]] if found else []
        if os.name == "nt":
            candidates.append(["py", f"-3.{minor}"])
        for candidate in candidates:
            # Asked rather than trusted: a version manager's shim may lie on PATH with no Python behind it.
            try:
                answer = subprocess.check_output(
                    [*candidate, "-c", "import sys; print(sys.version_info[1], sys.executable)"],
                    stderr=subprocess.DEVNULL,
                    universal_newlines=True,
                )
            except (OSError, subprocess.CalledProcessError):
                continue
            version, _, path = answer.strip().partition(" ")
            if version == str(minor):
                return path
    return None


def use_suitable_python(arguments: List[str]) -> Optional[int]:
    """Start again under a suitable Python where this one is not; return its exit code, or ``None`` to go on."""
    running = (sys.version_info[0], sys.version_info[1])
    if suitable(running):
        return None
    other = find_python()
    if other is None:
        raise SetupError(
            f"LNStation needs Python 3.{OLDEST[1]} or 3.{NEWEST[1]}; this is Python {running[0]}.{running[1]} and no "
            f"other was found: install Python 3.{OLDEST[1]} and run the same command again."
        )
    return subprocess.call([other, str(ROOT / "run.py"), *arguments])


def library_environment() -> Dict[str, str]:
    """Variables under which both libraries of this source tree are found, wherever the user stands."""
    variables = dict(os.environ)
    paths = [str(ROOT), str(ROOT / "Training"), variables.get("PYTHONPATH", "")]
    variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    # The packages come uncompiled: what their first import compiles is kept, or every command would wait for it.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


def hand_over(python: Path, arguments: List[str]) -> int:
    """Run LNStation's command line, or the training library's for ``train``; return its exit code."""
    module = "LNStationLib"
    if arguments[:1] == ["train"]:
        module, arguments = "lnstation_training", arguments[1:]
    command = [str(python), "-m", module, *arguments]
    if os.name == "nt":
        return subprocess.call(command, env=library_environment())
    sys.stdout.flush()
    # Takes this process's place, so that signals and the exit code need no passing on.
    os.execve(str(python), command, library_environment())


def test(python: Path, pytest_arguments: List[str]) -> int:
    """Run the checks and the tests; return the first exit code that is not 0.

    The closing line of the tests comes last where the checks pass. mypy runs beside all others: it takes a minute on
    one core.
    """
    variables = library_environment()
    variables.update({name: value for name, value in KEEP_MEMORY.items() if name not in variables})
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as told:
        command = [str(python), "-m", "mypy"]
        mypy = subprocess.Popen(command, cwd=str(ROOT), env=variables, stdout=told, stderr=subprocess.STDOUT)
        failed = failed_checks(python, variables)
        print("== pytest, and mypy beside it", flush=True)
        # Neighbors in a file share what they need; a worker that is done takes half of what another has left.
        pytest_command = [str(python), "-m", "pytest", "-n", "2", "--dist", "worksteal", *pytest_arguments]
        code = subprocess.call(pytest_command, cwd=str(ROOT), env=variables)
        if mypy.wait() != 0:
            failed["mypy"] = mypy.returncode
            told.seek(0)
            print(f"== mypy FAILED\n{told.read()}", flush=True)
    if failed:
        say("Checks failed: " + ", ".join(failed))
    return code or next(iter(failed.values()), 0)


def failed_checks(python: Path, variables: Dict[str, str]) -> Dict[str, int]:
    """Run the checks that take seconds, one after the other; exit codes of those that failed, by name."""
    checks: Dict[str, List[object]] = {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "codespell": [python, "-m", "codespell_lib", "."],
        "import-linter": [python.parent / "lint-imports", "--no-logo"],
    }
    failed = {}
    for name, command in checks.items():
        print(f"== {name}", flush=True)
        code = subprocess.call([str(part) for part in command], cwd=str(ROOT), env=variables)
        if code != 0:
            failed[name] = code
            print(f"== {name} FAILED", flush=True)
    return failed


def main(arguments: List[str]) -> int:
    """Make the environment ready for the command and run it; return the exit code."""
    try:
        code = use_suitable_python(arguments)
        if code is not None:
            return code
        command = next((argument for argument in arguments if not argument.startswith("-")), "")
        environment = Environment(ROOT / ".venv", ROOT / "constraints.txt")
        environment.make_ready(read_requirements(command, arguments))
    except SetupError as error:
        say(f"run.py: {error}")
        return 1
    if command == "test":
        install_system_packages(environment.log)
        return test(environment.python, arguments[arguments.index("test") + 1 :])
    if not arguments or "--help" in arguments[:1]:
        print("(python3 run.py train --help: models trained on your own cohort.)", flush=True)
        print("(python3 run.py test [PYTEST ARGUMENTS] runs the checks and the tests.)", flush=True)
    return hand_over(environment.python, arguments)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("Interrupted.")
        sys.exit(130)
