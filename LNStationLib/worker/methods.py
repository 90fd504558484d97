"""The methods of the worker: from parameters to result, with the cases kept in between."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from LNStationLib.assessment.assess import assess, with_organs
from LNStationLib.assessment.methods import described
from LNStationLib.assessment.organ_layers import layers, masks_of, shown_masks
from LNStationLib.assessment.reassess import reassess, with_evidence
from LNStationLib.assessment.restore import restore_case
from LNStationLib.assessment.review import evidence_sides, stage_reader_calls
from LNStationLib.case.case import Case
from LNStationLib.case.from_memory import CaseImages, case_from_images
from LNStationLib.export import write_outputs
from LNStationLib.export.columns import plain_columns
from LNStationLib.export.report.plain_text import report_text
from LNStationLib.imaging.edited_masks import label_image
from LNStationLib.imaging.registration import register_rigidly
from LNStationLib.models.package import list_packages, read_package
from LNStationLib.models.package.card import card
from LNStationLib.models.package.container import PackageError
from LNStationLib.models.package.folders import user_folder
from LNStationLib.models.runtime.devices import accelerators
from LNStationLib.networks.installation import how_to_install, missing_packages
from LNStationLib.nodes.edits import NodeEdit
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import CaseSummary
from LNStationLib.state.evidence import evidence_volume
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError
from LNStationLib.support.language import check_language, speaking
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.reason import Reason, each_once
from LNStationLib.support.words import words
from LNStationLib.worker import params as p
from LNStationLib.worker.case_store import CaseStore, WarmCase
from LNStationLib.worker.dicom_export import export_from_files
from LNStationLib.worker.identity import anonymous, identified
from LNStationLib.worker.images import read_image, required_image, write_image
from LNStationLib.worker.server import Method

Result = dict[str, Any]


class Methods:
    """The methods, over one private folder and one store of cases.

    A method changes the store only at its end, after it last asked whether it was cancelled: a request that is
    answered with an error changed nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = CaseStore()
        self._numbers = count(1)

    def by_name(self) -> Mapping[str, Method]:
        """The methods that need more than the server itself."""
        return {
            "devices": self._devices,
            "models": self._models,
            "columns": self._columns,
            "methods": self._methods,
            "load_case": self._load_case,
            "assess": self._assess,
            "reassess": self._reassess,
            "restore_case": self._restore_case,
            "stage": self._stage,
            "report": self._report,
            "register_prior": self._register_prior,
            "report_text": self._report_text,
            "export_dicom": self._export_dicom,
            "sample": self._sample,
            "release_case": self._release_case,
        }

    def _devices(self, params: Result, progress: Progress) -> Result:
        p.checked(p.NoParams, params)
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        plural = "" if threads == 1 else "s"
        return {"devices": [{"name": "cpu", "title": f"CPU, {threads} thread{plural}"}, *map(asdict, accelerators())]}

    def _methods(self, params: Result, progress: Progress) -> Result:
        """Every step with its methods and their options: what a panel draws its controls from."""
        p.checked(p.NoParams, params)
        return {"steps": described()}

    def _models(self, params: Result, progress: Progress) -> Result:
        """Cards of all packages; only what would really load is offered, so weights are verified too."""
        given = p.checked(p.Models, params)
        found = list_packages([_absolute(folder) for folder in given.folders])
        models, problems = [], []
        for done, one in enumerate(found):
            progress("verifying model packages", done / len(found))
            try:
                models.append(card(read_package(one.path).manifest, one.path, one.source))
            except PackageError as error:
                problems.append({"path": str(one.path), "message": str(error)})
        missing = missing_packages()
        return {
            "models": models,
            "problems": problems,
            "missing": missing,
            "install": f"To run learned models {how_to_install()}." if missing else None,
            "user_folder": str(user_folder()),
        }

    def _columns(self, params: Result, progress: Progress) -> Result:
        """What the columns of tables are, so that the panel shows the same titles, units and digits as the report."""
        p.checked(p.NoParams, params)
        return plain_columns()

    def _load_case(self, params: Result, progress: Progress) -> Result:
        given = p.checked(p.LoadCase, params)
        progress("reading the images", 0.0)
        case = case_from_images(self._images(given), portion(progress, 0.2, 1.0))
        progress("case loaded", 1.0)
        self._store.put(given.case, WarmCase(case))
        return {"warnings": [words(warning) for warning in case.warnings]}

    def _images(self, given: p.LoadCase) -> CaseImages:
        dicom = given.pet.dicom_files if isinstance(given.pet, p.DicomFiles) else []
        organs = {name: read_image(self._folder, volume) for name, volume in given.organs.items()}
        return CaseImages(
            case_id=given.case_id,
            ct=required_image(self._folder, given.ct, "CT"),
            pet=self._optional(given.pet) if isinstance(given.pet, dict) else None,
            pet_files=tuple(Path(name) for name in dicom),
            pet_unit=given.pet_unit,
            organs={name: image for name, image in organs.items() if image is not None},
            nodes=self._optional(given.nodes),
            tumor=self._optional(given.tumor),
            facts=given.facts.case_facts(),
            synthetic=given.synthetic,
        )

    def _assess(self, params: Result, progress: Progress) -> Result:
        given = p.checked(p.Assess, params)
        warm = self._store.get(given.case)
        assessed = assess(_with_node_edits(warm), given.settings, portion(progress, 0.0, 0.97))
        parsed = assessed.state
        progress("sending the label maps", 0.97)
        answer = {
            "assessment": assessed.assessment.model_dump(mode="json"),
            "stations": self._write("stations", parsed.stations),
            "nodes": self._write("nodes", assessed.nodes),
            "dismissed": self._dismissed(assessed),
            "organs": self._organs(assessed),
            "attention": self._attention(assessed) if assessed.evidence else None,
            "station_maps": self._station_maps(assessed),
        }
        progress("done", 1.0)
        self._store.put(given.case, replace(warm, assessed=assessed))
        return answer

    def _reassess(self, params: Result, progress: Progress) -> Result:
        given = p.checked(p.Reassess, params)
        warm = self._store.get(given.case)
        stations = {name: read_image(self._folder, volume) for name, volume in given.stations.items()}
        organs = {name: read_image(self._folder, volume) for name, volume in given.organs.items()}
        nodes = [self._node_edit(one) for one in given.nodes]
        before = _assessed(warm)
        made = reassess(before, stations, portion(progress, 0.0, 0.95), organs, nodes)
        answer = {
            "assessment": made.assessed.assessment.model_dump(mode="json"),
            "changed": list(made.changed),
            "changed_organs": list(made.organs),
            "stations": self._write("stations", made.assessed.stations) if made.stations_changed else None,
            "organs": self._organs(made.assessed, made.organs) if made.organs else [],
            "nodes": self._write("nodes", made.assessed.nodes) if made.nodes_changed else None,
            "node_edits": [asdict(done) for done in made.node_edits],
            "dismissed": self._dismissed(made.assessed) if made.node_edits else None,
            "attention": self._attention(made.assessed) if made.evidence_changed else None,
            "station_maps": self._station_maps(made.assessed, before),
        }
        progress("done", 1.0)
        self._store.put(given.case, replace(warm, assessed=made.assessed))
        return answer

    def _restore_case(self, params: Result, progress: Progress) -> Result:
        given = p.checked(p.Restore, params)
        warm = self._store.get(given.case)
        stations = required_image(self._folder, given.stations, "station map")
        nodes = required_image(self._folder, given.nodes, "node map")
        organs = None if given.organs is None else masks_of(map(self._organ_map, given.organs))
        dismissed = self._optional(given.dismissed)
        assessed = restore_case(warm.case, given.assessment, stations, nodes, given.settings, organs, dismissed)
        progress("case restored", 1.0)
        self._store.put(given.case, replace(warm, assessed=assessed))
        return {}

    def _node_edit(self, given: p.NodeEditParams) -> NodeEdit:
        image = None if given.mask is None else read_image(self._folder, given.mask)
        return NodeEdit(given.action, tuple(given.nodes), image, given.point_mm)

    def _dismissed(self, assessed: AssessedCase) -> Result | None:
        """The nodes that the reader dismissed, as a label map on a box of the CT's grid; None without any."""
        image = label_image(assessed.case.node_edits.dismissed, assessed.case.ct)
        return None if image is None else self._write("dismissed", image)

    def _organ_map(self, volume: p.Volume) -> sitk.Image:
        return required_image(self._folder, volume, "organ map")

    def _stage(self, params: Result, progress: Progress) -> Result:
        given = p.checked(p.Stage, params)
        warm = self._store.get(given.case)
        settings = Settings() if warm.assessed is None else warm.assessed.state.settings
        # A blind first read must not tell by its category on which side the model found something.
        sides = evidence_sides(None if warm.assessed is None or given.blind else warm.assessed.assessment)
        return stage_reader_calls(warm.case.facts, given.calls, settings, sides).model_dump(mode="json")

    def _report(self, params: Result, progress: Progress) -> Result:
        given = p.checked(p.Report, params)
        check_language(given.language)
        folder = _absolute(given.folder)
        warm = self._store.get(given.case)
        assessed = _assessed(warm)
        start = 0.0 if assessed.state.organs is not None else 0.6
        # A restored case finds its organs and its attention again, and keeps them for the next time.
        assessed = replace(assessed, state=with_organs(assessed.state, portion(progress, 0.0, start)))
        assessed = with_evidence(assessed)
        self._store.put(given.case, replace(warm, assessed=assessed))
        reported = _with_summary(assessed, _reported_summary(assessed.assessment.case, given))
        files = write_outputs(
            reported,
            folder,
            overwrite=False,
            progress=portion(progress, start, 1.0),
            formats=given.formats,
            review=given.review,
            language=given.language,
        )
        return {"files": [str(path) for path in files]}

    def _register_prior(self, params: Result, progress: Progress) -> Result:
        """Where an earlier CT lies on the case's CT, rigidly: its voxels and sizes stay as they are."""
        given = p.checked(p.RegisterPrior, params)
        prior = required_image(self._folder, given.prior, "earlier CT")
        found = register_rigidly(self._store.get(given.case).case.ct, prior, progress)
        return {"to_case": found.to_fixed.tolist(), "correlation": found.correlation}

    def _report_text(self, params: Result, progress: Progress) -> Result:
        """The report as plain text, for a radiology information system."""
        given = p.checked(p.ReportText, params)
        assessment = _assessed(self._store.get(given.case)).assessment
        with speaking(given.language):
            return {"text": report_text(assessment, given.review)}

    def _export_dicom(self, params: Result, progress: Progress) -> Result:
        given = p.checked(p.ExportDicom, params)
        assessed = _assessed(self._store.get(given.case))
        warnings: list[Reason] = []
        files = export_from_files(assessed, given, warnings.append, progress)
        told = [words(warning) for warning in each_once(warnings)]
        return {"files": [str(path) for path in files], "warnings": told}

    def _sample(self, params: Result, progress: Progress) -> Result:
        from LNStationLib.phantom.samples import write_sample

        given = p.checked(p.Sample, params)
        progress(f"making the sample patient {given.name}", 0.0)
        case_folder = write_sample(given.name, _absolute(given.folder))
        content = json.loads((case_folder / "case.json").read_text(encoding="utf-8"))
        names = ("ct", "pet", "organs", "nodes", "tumor")
        paths = {name: str(case_folder / content[name]) if content.get(name) else None for name in names}
        return {"folder": str(case_folder), **paths, "facts": {k: v for k, v in content.items() if k not in names}}

    def _release_case(self, params: Result, progress: Progress) -> Result:
        self._store.remove(p.checked(p.CaseParams, params).case)
        return {}

    def _organs(self, assessed: AssessedCase, only: Collection[str] | None = None) -> list[Result]:
        """Organs as a reader sees them, in label maps on boxes of the CT's grid: organs of one do not overlap."""
        part = assessed.state.organ_part
        if part is None or part.kept is None:
            return []
        masks = shown_masks(assessed.case, part.kept)
        return [self._write("organs", layer) for layer in layers(masks, assessed.case.ct, only)]

    def _attention(self, assessed: AssessedCase) -> Result:
        """The maps on the box of the CT's grid that holds their stations: a tenth of the whole."""
        parsed = assessed.state
        volume = evidence_volume(assessed.evidence or {}, parsed.stations, parsed.boxes, whole=False)
        return self._write("attention", volume)

    def _station_maps(self, assessed: AssessedCase, before: AssessedCase | None = None) -> Result | None:
        """Voxel maps of the method that drew the stations, by kind; ``None`` where they are those of before."""
        maps = assessed.state.station_maps
        if before is not None and maps is before.state.station_maps:
            return None
        return {kind: self._write(f"station_{kind}", image) for kind, image in maps.items()}

    def _write(self, name: str, image: sitk.Image) -> Result:
        return write_image(self._folder, f"{name}-{os.getpid()}-{next(self._numbers)}.raw", image)

    def _optional(self, volume: p.Volume | None) -> sitk.Image | None:
        return None if volume is None else read_image(self._folder, volume)


def _assessed(warm: WarmCase) -> AssessedCase:
    if warm.assessed is None:
        raise InputError("the case has no assessment yet: assess it first.")
    return warm.assessed


def _with_node_edits(warm: WarmCase) -> Case:
    """The case with what a reader decided about its nodes: a search for all nodes does not decide it again."""
    if warm.assessed is None:
        return warm.case
    return replace(warm.case, node_edits=warm.assessed.case.node_edits)


def _reported_summary(summary: CaseSummary, given: p.Report) -> CaseSummary:
    """What a report says of the case: its name for people, and the patient only where that was asked for."""
    named = summary.model_copy(update={"case_id": given.case_name.strip() or summary.case_id})
    return identified(named, given.patient) if given.identifiers else anonymous(named)


def _with_summary(assessed: AssessedCase, summary: CaseSummary) -> AssessedCase:
    return replace(assessed, assessment=assessed.assessment.model_copy(update={"case": summary}))


def _absolute(folder: str) -> Path:
    path = Path(folder)
    if not path.is_absolute():
        raise InputError("the folder needs its whole path: choose it again.")
    return path
