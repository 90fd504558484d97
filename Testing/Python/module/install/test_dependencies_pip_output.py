"""What pip's lines are taken for."""

from __future__ import annotations

import pytest
from LNStationSlicer.install.PipOutput import PipProgress, explainFailure

OLD_PIP = """\
Collecting numpy==2.4.6 (from -r requirements.txt (line 8))
  Downloading numpy-2.4.6-cp312-cp312-manylinux_2_27_x86_64.whl (16.6 MB)
Collecting scipy==1.17.1
  Using cached scipy-1.17.1-cp312-cp312-manylinux_2_27_x86_64.whl (35.0 MB)
Installing collected packages: numpy, scipy
Successfully installed numpy-2.4.6 scipy-1.17.1
""".splitlines()

NEW_PIP = """\
Collecting numpy==2.4.6 (from -r requirements.txt (line 8))
  Downloading numpy-2.4.6-cp312-cp312-manylinux_2_27_x86_64.whl.metadata (62 kB)
Collecting scipy==1.17.1
  Downloading scipy-1.17.1-cp312-cp312-manylinux_2_27_x86_64.whl.metadata (61 kB)
Downloading numpy-2.4.6-cp312-cp312-manylinux_2_27_x86_64.whl (16.6 MB)
Downloading scipy-1.17.1-cp312-cp312-manylinux_2_27_x86_64.whl (35.0 MB)
Installing collected packages: numpy, scipy
""".splitlines()


@pytest.mark.parametrize("lines", [OLD_PIP, NEW_PIP], ids=["before metadata files", "with metadata files"])
def test_progress_rises_to_nine_tenths_with_either_kind_of_pip(lines: list[str]) -> None:
    progress, seen = PipProgress(2), [0.0]
    for line in lines:
        if progress.feed(line):
            seen.append(progress.fraction)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(0.9)
    assert seen[-2] == pytest.approx(0.9)


def test_size_and_package_are_told_and_metadata_is_no_package() -> None:
    progress = PipProgress(2)
    told = [progress.text for line in NEW_PIP if progress.feed(line)]
    assert told[-3:] == ["Downloading numpy (16.6 MB)", "Downloading scipy (35.0 MB)", "Installing 2 packages"]
    assert len(told) == 5


def test_more_packages_than_expected_never_pass_the_end() -> None:
    progress = PipProgress(1)
    for line in OLD_PIP:
        progress.feed(line)
    assert progress.fraction == pytest.approx(0.9)


def test_a_line_that_says_nothing_changes_nothing() -> None:
    progress = PipProgress(1)
    assert not progress.feed("  Preparing metadata (pyproject.toml): started")
    assert (progress.fraction, progress.text) == (0.0, "")


CONFLICT = """\
ERROR: Cannot install -r list.txt because these package versions have conflicting dependencies.
The conflict is caused by:
    scikit-image 0.26.0 depends on numpy>=2.0
    The user requested (constraint) NumPy==1.26.4
ERROR: ResolutionImpossible: for help visit ...
""".splitlines()


@pytest.mark.parametrize(
    ("lines", "beginning"),
    [
        (
            ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"],
            "The disk is full",
        ),
        (["SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] ..."], "The package server's"),
        (
            ["WARNING: Retrying ... NewConnectionError ...", "ERROR: No matching distribution found for x"],
            "The download",
        ),
        (
            ["pip._vendor.urllib3.exceptions.ProtocolError: ('Connection broken: IncompleteRead"],
            "The download was interrupted",
        ),
        (["ERROR: Could not install packages: [WinError 5] Access is denied"], "A file cannot be written"),
        (
            ["ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE"],
            "A package is damaged, or is not the one",
        ),
        (["ERROR: No matching distribution found for edt==3.1.2"], "No build of edt==3.1.2 fits this computer"),
        (
            ["noise", "ERROR: something new", "more noise"],
            "The packages could not be installed; pip says: something new",
        ),
        ([], "The packages could not be installed; pip says: nothing"),
        (CONFLICT, "No build of NumPy==1.26.4 fits this computer"),
    ],
)
def test_each_failure_has_its_sentence(lines: list[str], beginning: str) -> None:
    assert explainFailure(lines).startswith(beginning)


def test_a_wheel_that_is_not_there_is_named_with_its_folder() -> None:
    lines = ["ERROR: No matching distribution found for edt==3.1.2"]
    assert explainFailure(lines, "/wheels").startswith("edt==3.1.2 is not in the wheels folder /wheels")


def test_a_package_required_and_constrained_alike_is_missing_not_in_conflict() -> None:
    lines = [
        "ERROR: Cannot install edt==3.1.2 because these package versions have conflicting dependencies.",
        "    The user requested edt==3.1.2",
        "    The user requested (constraint) edt==3.1.2",
    ]
    assert explainFailure(lines, "/wheels").startswith("edt==3.1.2 is not in the wheels folder /wheels")


def test_of_several_pins_the_one_that_another_package_needs_is_missing() -> None:
    lines = [
        "    a.b 1 depends on Ruamel_Yaml>=2",
        "    The user requested (constraint) other==3.0",
        "    The user requested (constraint) ruamel.yaml==1.0",
    ]
    assert explainFailure(lines, "/wheels").startswith("ruamel.yaml==1.0 is not in the wheels folder /wheels")
