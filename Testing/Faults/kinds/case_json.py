"""Case folders: ``case.json`` and the names of the files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from LNStationLib.case.case_file import request_from_folder
from Testing.Faults.draws import damage_bytes, damage_json, json_text, pick
from Testing.Faults.kinds import chest

CONTENT: dict[str, Any] = {
    "case_id": "P001", "ct": "ct.nii", "pet": "pet.nii", "pet_units": "suvbw", "organs": "organs.nii",
    "nodes": "nodes.nii", "tumor": "tumor.nii", "cancer": "lung", "tumor_side": "R", "sex": "F", "age_years": 63,
    "tumor_site": "right upper lobe", "synthetic": True,
    "pet_dose": {"injected_mbq": 350, "weight_kg": 70, "minutes_from_injection": 60},
}  # fmt: skip
_PATHS = (
    "../ct.nii", "/etc/passwd", "link.nii", "dir", ".", "", "ct.nii/x", "CT.NII", "ct.nii\0", "./ct.nii",
    "a/../ct.nii", "~/ct.nii", "\\\\host\\ct.nii", "organs.nii", "case.json", "pipe",
)  # fmt: skip


class CaseJson:
    """Folders with ``case.json``."""

    name = "case-json"
    title = "case.json"
    limit_s = 15.0
    refusals = ()

    def warm_up(self) -> None:
        """Nothing more than this file imports."""

    def prepare(self, originals: Path) -> None:
        """The images that it names."""
        chest.write_images(originals, ".nii")

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Change ``case.json``, and put what a path may lead to beside the images."""
        for path in originals.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "dir").mkdir()
        (folder / "link.nii").symlink_to(pick(rng, ("/etc/passwd", "ct.nii", "link.nii", "../../x", "/dev/zero")))
        content = {key: value for key, value in CONTENT.items() if key == "ct" or rng.random() < 0.4}
        said, content = damage_json(rng, content) if rng.random() < 0.7 else ("", content)
        if isinstance(content, dict) and (rng.random() < 0.4 or not said):
            field, value = pick(rng, ("ct", "pet", "organs", "nodes", "tumor")), pick(rng, _PATHS)
            content[field] = value
            said = f"{said}; {field} is {value!r}"
        raw = json_text(rng, content)
        if rng.random() < 0.1:
            more, raw = damage_bytes(rng, raw)
            said = f"{said}; {more}"
        (folder / "case.json").write_bytes(raw)
        return said

    def read(self, folder: Path, out: Path) -> str:
        """As every command reads a case folder; images are read for one in a few, they are another kind's matter."""
        request = request_from_folder(folder)
        return chest.loaded(request) if request.pet is None else f"request {request.case_id}"
