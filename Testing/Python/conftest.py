"""What all tests share: where the repository and the real CT lie, and how hypothesis runs."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from made_once import FOLDER_VARIABLE, made_once

if TYPE_CHECKING:
    from LNStationLib.phantom import PhantomCase
    from LNStationLib.phantom.scan_traits import Extent

ROOT = Path(__file__).resolve().parents[2]
LONGEST = (
    "test_readme_example.py", "test_nodes_in_images.py", "test_real_ct_without_masks.py", "test_self_test.py",
    "test_reassess_organs.py", "test_worked_example.py", "test_fit.py", "test_fuzz.py",
)  # fmt: skip
"""Files with tests of 10 s and more, which cannot be divided: at the end one core would wait for the other."""

GARBAGE_THRESHOLDS = (1000, 10, 30)
"""As of ``gc.set_threshold``: objects made, and collections of the younger generations, before the next older one."""

# The host's stand-in for PythonQt is no Qt that matplotlib could draw with, should it look for a window system.
os.environ["MPLBACKEND"] = "Agg"

# The organ network takes a minute a patient; tests of it switch it on.
os.environ.setdefault("LNSTATION_NO_ORGAN_NETWORK", "1")
os.environ.setdefault("LNSTATION_NO_NODE_NETWORK", "1")

# Processes that share the cores are quicker with one thread each: threads of torch wait for each other at full load.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
        os.environ.setdefault(variable, "1")

# No deadline: the time of one example says more about the neighbors on the machine than about the code. The same
# examples every time: a test run that fails must fail again.
settings.register_profile("lnstation", deadline=None, derandomize=True)
settings.load_profile("lnstation")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of ``made_once``; the workers of pytest-xdist inherit its name."""
    if not hasattr(config, "workerinput"):
        os.environ[FOLDER_VARIABLE] = tempfile.mkdtemp(prefix="lnstation-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it after the last test."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(FOLDER_VARIABLE), ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep garbage collection from looking at libraries and test functions again and again: they stay to the end.

    So does most of what tests import later; to look at everything takes half a second, and is done four times as
    rarely as usual.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, the others in their order."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def wide_patient() -> PhantomCase:
    """A coarse chest in a field of view that holds couch and bedding; ``phantom.case.in_bed`` lays it in seconds."""
    return _wide_patient("chest")


@pytest.fixture(scope="session")
def whole_patient() -> PhantomCase:
    """The same patient from head to thigh; thighs, abdomen or head alone are croppings of it along z."""
    return _wide_patient("head_to_thigh")


@made_once
def _wide_patient(extent: Extent) -> PhantomCase:
    from phantoms import WIDE_MM

    from LNStationLib.phantom import thorax

    return thorax(3, spacing_mm=WIDE_MM, organs="none", field_of_view="wide", extent=extent)


@pytest.fixture(scope="session")
def real_ct_folder() -> Path:
    """The folder with the real chest CT; a test that asks for it is skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data" / "chest_ct_01"
    if not folder.is_dir():
        pytest.skip("the real CT is not beside the repository (../shared/data/chest_ct_01)")
    return folder
