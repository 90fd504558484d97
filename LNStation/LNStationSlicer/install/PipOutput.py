"""What pip's lines mean: how far it has got, and why it gave up, in one sentence for the user."""

from __future__ import annotations

import re
from collections.abc import Sequence

from LNStationSlicer.support.Translation import _

_COLLECTING = re.compile(r"^Collecting ([A-Za-z0-9_.-]+)")
_FETCHED = re.compile(r"^(?:Downloading|Using cached|Processing) (\S+\.whl)(?!\S)(?: \((\d.*)\))?")
_INSTALLING = re.compile(r"^Installing collected packages: (.+)")

_NETWORK_SIGNS = (
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionResetError",
    "NameResolutionError",
    "ProxyError",
    "IncompleteRead",
    "Connection broken",
    "Connection aborted",
    "Remote end closed connection",
    "Max retries exceeded",
    "Temporary failure in name resolution",
    "incomplete-download",
    "Could not fetch URL",
    # A truncated file, where pip is too old to compare lengths.
    " is invalid.",
    "Bad CRC-32",
    "BadZipFile",
)


class PipProgress:
    """How far an installation by pip has got, told from the lines that it prints.

    pip first looks at each package ("Collecting"), then fetches its wheel, then installs all at once; older versions
    mix the first two. Nothing depends on a progress bar, whose form differs between versions of pip.
    """

    _LOOKED_AT, _FETCHED_ALL = 0.3, 0.9

    def __init__(self, expected: int) -> None:
        """Start at 0.

        Args:
            expected: How many packages will be installed, roughly.
        """
        self._expected = max(expected, 1)
        self._collected: set[str] = set()
        self._fetched: set[str] = set()
        self.fraction = 0.0
        """In [0, 1]; never falls."""
        self.text = ""
        """What pip does now, for the user; empty before anything is known."""

    def feed(self, line: str) -> bool:
        """Take one line; return True where it says something new."""
        line = line.strip()
        if match := _COLLECTING.match(line):
            self._collected.add(match[1].lower())
            self.text = _("Looking at {package}").format(package=match[1])
        elif match := _FETCHED.match(line):
            name = match[1].replace("\\", "/").rsplit("/", 1)[-1]
            self._fetched.add(name)
            size = f" ({match[2]})" if match[2] else ""
            self.text = _("Downloading {package}{size}").format(package=name.split("-")[0], size=size)
        elif match := _INSTALLING.match(line):
            self.text = _("Installing {count} packages").format(count=len(match[1].split(", ")))
            self.fraction = max(self.fraction, self._FETCHED_ALL)
            return True
        else:
            return False
        self.fraction = max(self.fraction, self._estimate())
        return True

    def _estimate(self) -> float:
        collected, fetched = (min(len(found) / self._expected, 1) for found in (self._collected, self._fetched))
        return self._LOOKED_AT * collected + (self._FETCHED_ALL - self._LOOKED_AT) * fetched


def explainFailure(lines: Sequence[str], wheelsFolder: str = "") -> str:
    """Why pip failed and what to do about it, in one sentence.

    Args:
        lines: What pip printed.
        wheelsFolder: The folder of an installation without network; empty where the network was used.
    """
    text = "\n".join(lines)
    for signs, sentence in _reasons():
        if any(sign in text for sign in signs):
            return sentence
    if missing := _notFound(lines):
        if wheelsFolder:
            return _(
                "{package} is not in the wheels folder {folder}: put its wheel there, then press Install again."
            ).format(package=missing, folder=wheelsFolder)
        return _(
            "No build of {package} fits this computer and its Python: update Slicer, or use a folder of wheels."
        ).format(package=missing)
    return _("The packages could not be installed; pip says: {reason}").format(reason=_lastError(lines))


def _reasons() -> tuple[tuple[tuple[str, ...], str], ...]:
    """Signs in what pip prints, and the sentence that each calls for; the first that fits counts."""
    return (
        (
            ("No space left on device", "Errno 28", "WinError 112"),
            _("The disk is full: free some space, then press Install again; what was downloaded is kept."),
        ),
        (
            ("CERTIFICATE_VERIFY_FAILED",),
            _(
                "The package server's certificate is not trusted: ask your IT department for pip's settings (cert or "
                "proxy), or use a folder of wheels."
            ),
        ),
        (
            ("DO NOT MATCH THE HASHES",),
            _("A package is damaged, or is not the one LNStation was made with: press Repair to download it again."),
        ),
        (
            _NETWORK_SIGNS,
            _(
                "The download was interrupted: check the network connection or proxy, then press Install again; "
                "what was downloaded is kept."
            ),
        ),
        (
            ("Permission denied", "Errno 13", "WinError 5]", "WinError 32"),
            _("A file cannot be written or is in use: close other windows of Slicer, then press Install again."),
        ),
    )


def _notFound(lines: Sequence[str]) -> str | None:
    """What pip looked for in vain: a package, or the one version of it that is allowed."""
    # All is pinned: where a wheel is missing, pip tells of a conflict between who needs it and its pin.
    pinned = [
        match for line in lines if (match := re.match(r"\s*The user requested \(constraint\) (.+==\S+)$", line))
    ]
    needed = {_requiredName(line) for line in lines}
    if pinned:
        return min(pinned, key=lambda match: _normalizedName(match[1].split("==")[0]) not in needed)[1].strip()
    for line in lines:
        if found := re.search(r"No matching distribution found for (\S+)", line):
            return found[1]
    return None


def _requiredName(line: str) -> str:
    """The package that a line says another one depends on; empty where it says nothing of the kind."""
    match = re.match(r"\s*\S+ \S+ depends on ([A-Za-z0-9_.-]+)", line)
    return _normalizedName(match[1]) if match else ""


def _normalizedName(name: str) -> str:
    """The one spelling of a package's name by which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()


def _lastError(lines: Sequence[str]) -> str:
    errors = [line.strip() for line in lines if line.lstrip().startswith("ERROR:")]
    told = errors or [line.strip() for line in lines if line.strip()]
    return told[-1].removeprefix("ERROR:").strip() if told else _("nothing")
