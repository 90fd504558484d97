"""The short form of the fuzz test, and the tool behind it; the long form is ``python -m Testing.Tools.fuzz``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.Tools import fuzz, fuzz_changes

SEED = 3
SHORT = 8
ROOT = Path(__file__).resolve().parents[2]
TRACEBACK = """Traceback (most recent call last):
  File "/somewhere/LNStationLib/cli/app.py", line 10, in assess
    run()
  File "/somewhere/LNStationLib/organs/azygos.py", line 70, in azygos_arch
    return mask[z]
  File "/elsewhere/numpy/core.py", line 1, in take
IndexError: index 200 is out of bounds
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases are forked")
def test_random_input_ends_in_a_result_or_in_one_sentence(tmp_path: Path) -> None:
    """In a process of its own: this one has threads, which do not survive forks."""
    command = [
        sys.executable,
        "-m",
        "Testing.Tools.fuzz",
        "--small",
        "--working-spacing",
        "4",
        "--out",
        str(tmp_path),
    ]
    command += ["--seed", str(SEED), "--count", str(SHORT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SHORT} cases of seed {SEED}: " in done.stdout
    assert done.stdout.count("| result |") > 2, "hardly a case is good enough to be assessed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases are forked")
def test_how_the_process_of_a_case_ended_is_seen(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from Testing.Tools.fuzz import in_fork\n"
        "for work in (lambda: 0, lambda: sys.exit(2), os.abort, lambda: 1 / 0):\n"
        "    print(in_fork(work, Path(sys.argv[1])))"
    )
    stderr = tmp_path / "stderr.txt"
    command = [sys.executable, "-c", code, str(stderr)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "2", "-6", "1"]
    assert "ZeroDivisionError" in stderr.read_text(encoding="utf-8")


def test_a_case_can_be_made_again_from_its_seed_and_number(tmp_path: Path) -> None:
    fuzz.write_phantom(tmp_path / "phantom", 1, fuzz.SMALL_SPACING_MM)
    patient = fuzz.phantom_patient(tmp_path / "phantom", 1)
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    words = [fuzz.write_case(folder, ([patient], []), SEED, 3)[0] for folder in folders]
    one, other = (sitk.ReadImage(str(next(folder.glob("ct.*")))) for folder in folders)
    assert words[0] == words[1]
    assert sitk.Hash(one) == sitk.Hash(other)


@pytest.mark.parametrize("change", [*dict.fromkeys(fuzz_changes.GEOMETRY), *fuzz_changes.HARM, *fuzz_changes.LAST])
def test_every_change_gives_an_image_and_says_what_it_did(change: fuzz_changes.Change) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(0, 300, (20, 22, 24)).astype(np.float32))
    image.SetSpacing((2.0, 3.0, 4.0))
    for seed in range(8):
        words, changed = change(np.random.default_rng(seed), image)
        assert words
        assert 0 < changed.GetNumberOfPixels() <= 2 * fuzz_changes.MAX_VOXELS
    assert image.GetSize() == (24, 22, 20), "the image that was given stays as it was"


def test_turning_the_axes_keeps_every_voxel_where_it_was() -> None:
    image = sitk.GetImageFromArray(np.arange(24.0).reshape(2, 3, 4))
    image.SetOrigin((5.0, 6.0, 7.0))
    for seed in range(6):
        _, changed = fuzz_changes.orientation(np.random.default_rng(seed), image)
        back = sitk.Resample(changed, image, sitk.Transform(), sitk.sitkNearestNeighbor)
        assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))


@pytest.mark.parametrize(
    ("code", "stderr", "outcome", "said"),
    [
        (2, "Error: CT ct.nii: no lungs in view.\n", "refusal", "no lungs in view"),
        (2, "nothing\n", "DEFECT", "no sentence"),
        (2, f"{TRACEBACK}Error: half a sentence\n", "DEFECT", "azygos.py:70 azygos_arch: IndexError"),
        (1, TRACEBACK, "DEFECT", "azygos.py:70 azygos_arch: IndexError"),
        (1, "Defect in LNStation", "DEFECT", "exit code 1"),
        (-11, "", "DEFECT", "signal 11"),
        (-fuzz.SIGXCPU, "", "DEFECT", "processor time"),
        (0, "", "DEFECT", "no assessment"),
    ],
)
def test_how_a_run_ended_is_told_apart(tmp_path: Path, code: int, stderr: str, outcome: str, said: str) -> None:
    found, words = fuzz.classify(code, stderr, tmp_path)
    assert found == outcome
    assert said in words


def test_a_result_says_how_much_was_found(tmp_path: Path) -> None:
    answer = {"stations": [{"station": "7", "volume_ml": 2.0}, {"station": "8", "volume_ml": None}]}
    text = json.dumps(answer | {"n_category": "N0", "warnings": []})
    (tmp_path / "assessment.json").write_text(text, encoding="utf-8")
    assert fuzz.classify(0, "", tmp_path) == ("result", "1 stations, N N0, 0 warnings")


def test_the_report_names_every_defect_with_its_case() -> None:
    rows = [fuzz.Ended(3, "crop", "DEFECT", "signal 11", 1.0), fuzz.Ended(4, "pad", "result", "17 stations", 2.0)]
    text = fuzz.report(rows, 7)
    assert "2 cases of seed 7: 1 DEFECT, 1 result" in text
    assert "- signal 11 (--seed 7 --first 3)" in text
