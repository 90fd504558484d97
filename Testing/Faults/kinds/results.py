"""What was saved of an assessment: the folder of results, a review, and label maps, taken up again."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK as sitk

from Testing.Faults.draws import damage_bytes, damage_json, json_text, pick
from Testing.Faults.kinds import chest

_FILES = ("assessment.json", "assessment.json", "review.json", "stations.nii.gz", "nodes.nii.gz")


class Results:
    """Folders of results, as ``export`` reads them and as a scene restores them."""

    name = "results"
    title = "saved results"
    limit_s = 30.0
    refusals = ()

    def warm_up(self) -> None:
        """What restoring needs."""
        import LNStationLib.assessment.restore
        import LNStationLib.export.results_folder  # noqa: F401

    def prepare(self, originals: Path) -> None:
        """The files of an assessed case with a review, and its CT."""
        from export.dicom.results import review

        from LNStationLib.assessment.assess import assess
        from LNStationLib.case.from_files import CaseRequest, load_case
        from LNStationLib.export import write_outputs
        from LNStationLib.state.settings import Settings

        with TemporaryDirectory() as folder:
            images = Path(folder)
            chest.write_images(images, ".nii")
            case = load_case(CaseRequest(ct=images / "ct.nii", nodes=images / "nodes.nii"))
        made = assess(case, Settings(working_spacing_mm=4.0))
        write_outputs(made, originals, overwrite=True, formats=("json", "nifti"), review=review())
        sitk.WriteImage(made.case.ct, str(originals / "ct.nii.gz"))

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Change one file, or leave it out."""
        for path in originals.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        name = pick(rng, _FILES)
        path, raw = folder / name, (originals / name).read_bytes()
        if rng.random() < 0.02:
            path.unlink()
            return f"{name} taken out"
        if name.endswith(".json") and rng.random() < 0.9:
            said, content = damage_json(rng, json.loads(raw))
            raw = json_text(rng, content)
        else:
            said, raw = damage_bytes(rng, raw)
        path.write_bytes(raw)
        return f"{name}: {said}"

    def read(self, folder: Path, out: Path) -> str:
        """Read the folder and its review, and restore the case."""
        from LNStationLib.assessment.restore import restore_case
        from LNStationLib.case.from_files import CaseRequest, load_case
        from LNStationLib.export.results_folder import read_results
        from LNStationLib.export.review_file import read_review

        found = read_results(folder)
        read_review(folder / "review.json", None)
        case = load_case(CaseRequest(ct=folder / "ct.nii.gz"))
        restored = restore_case(case, found.assessment, found.stations, found.nodes)
        return f"{len(restored.assessment.stations)} stations"
