"""Several packages that find nodes made one: visible nodes, streams of significant ones, and their second stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from LNStationLib import __version__
from LNStationLib.models.package.manifest import Manifest
from LNStationLib.models.package.node_candidates import NodeCandidates
from LNStationLib.models.package.node_detection import NodeDetection
from LNStationLib.models.package.parts import CohortSummary, Counts, NetworkEntry
from LNStationLib.models.package.reading import ModelPackage, read_package
from LNStationLib.models.package.writing import write_packed
from LNStationLib.support.errors import InputError


def join_packages(paths: Sequence[Path], out: Path, package_id: str, version: str, title: str) -> Manifest[Any]:
    """Write one package with the networks of several; weights stay the same to the bit.

    Args:
        paths: Packages of the tasks ``node_detection`` and ``node_candidates``, two or more.
        out: New zip file; the folder exists.
        package_id: Of the new package.
        version: Likewise.
        title: Likewise.

    Returns:
        The card as written.

    Raises:
        PackageError: A package cannot be used.
        InputError: They do not go together: another task, a role twice, a second stage without streams.
        OutputError: ``out`` exists, or cannot be written.
    """
    packages = [read_package(path) for path in paths]
    _check(packages)
    networks = [_own_file(entry) for package in packages for entry in package.manifest.networks]
    first = packages[0].manifest
    card = Manifest[NodeDetection](
        package_id=package_id,
        version=version,
        title=title,
        task=NodeDetection.task,
        networks=networks,
        section=_joined([package.manifest.section for package in packages]),
        metrics=[metric for package in packages for metric in package.manifest.metrics],
        cohort=_cohort([package.manifest.cohort for package in packages]),
        trained_on="synthetic" if any(p.manifest.trained_on == "synthetic" for p in packages) else "clinical",
        licence=first.licence,
        references=list(dict.fromkeys(each for package in packages for each in package.manifest.references)),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        lnstation_version=__version__,
    )
    weights = {role: content for package in packages for role, content in package.weights.items()}
    write_packed(out, card, weights)
    return card


def _check(packages: Sequence[ModelPackage]) -> None:
    tasks = {package.manifest.task for package in packages}
    strange = tasks - {NodeDetection.task, NodeCandidates.task}
    if strange or NodeDetection.task not in tasks or len(packages) < 2:
        raise InputError(
            f"give two packages or more of the tasks {NodeDetection.task} and {NodeCandidates.task}, got "
            f"{', '.join(package.manifest.task for package in packages)}."
        )
    roles = [entry.role for package in packages for entry in package.manifest.networks]
    twice = sorted({role for role in roles if roles.count(role) > 1})
    if twice:
        raise InputError(f"two of the packages have a network of the role {', '.join(twice)}: join only one of them.")
    licenses = {package.manifest.licence for package in packages}
    if len(licenses) > 1:
        raise InputError(f"the packages have different licenses ({', '.join(sorted(licenses))}) and are not joined.")


def _own_file(entry: NetworkEntry) -> NetworkEntry:
    """A network whose weights lie in a file of its role's name."""
    weights = entry.weights.model_copy(update={"file": f"{entry.role}.safetensors"})
    return entry.model_copy(update={"weights": weights})


def _joined(sections: Sequence[NodeDetection | NodeCandidates]) -> NodeDetection:
    detectors = [each for each in sections if isinstance(each, NodeDetection)]
    stages = [each for each in sections if isinstance(each, NodeCandidates)]
    fields: dict[str, Any] = {
        "volumes": {role: spec for each in detectors for role, spec in each.volumes.items()},
        "classes": {role: names for each in detectors for role, names in each.classes.items()},
        "second_stage": next(iter(stages), None),
    }
    for each in detectors:
        if each.finds_visible:
            fields |= {name: getattr(each, name) for name in _OF_VISIBLE}
        if each.significant is not None:
            fields["significant"] = each.significant
    try:
        return NodeDetection(**fields)
    except ValidationError as error:
        raise InputError(f"the packages do not go together: {error.errors()[0]['msg']}.") from error


_OF_VISIBLE = ("froc", "probable", "sure_from_mm", "sure_up_to_slice_mm", "points_of", "thorough")
"""Fields that are about the network of visible nodes."""


def _cohort(cohorts: Sequence[CohortSummary]) -> CohortSummary:
    """Cohorts side by side; the number of patients is that of the largest, since the same may be in several."""
    largest = max(cohorts, key=lambda each: each.n_patients)
    titles = list(dict.fromkeys(each.title for each in cohorts))
    counts: Counts = {name: n for each in cohorts for name, n in each.counts.items()}
    texts: Mapping[str, None] = dict.fromkeys(filter(None, (each.description for each in cohorts)))
    return CohortSummary(
        title="; ".join(titles), n_patients=largest.n_patients, counts=counts, description=" ".join(texts)
    )
