"""A cohort's figures beside the published ones, from the true attributes of its patients."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lnstation_training.synthetic.audit.sheet import Figure, PublishedFigure, Sheet, published_share
from lnstation_training.synthetic.audit.statistics import attribute_auroc, auroc
from LNStationLib import anatomy
from LNStationLib.phantom.nodes.node import NodeTruth
from LNStationLib.phantom.patient import PatientTruth, StationRow
from LNStationLib.phantom.preset import Preset

PGLS = "Li et al. 2024 (PGLS), Sec. 3.1"
"""Where the published figures stand."""
SA_MOE = "Li et al. 2025 (SA-MoE), Sec. 1"
PETCT = "Engelson et al. 2026, Table 2"
PETCT_SUV = "Engelson et al. 2026, Table 4"
PETCT_STATIONS = "Engelson et al. 2026, Fig. 7"


def audit(patients: Sequence[PatientTruth], preset: Preset) -> list[Figure]:
    """All figures of a cohort, in the order in which they are shown.

    Args:
        patients: At least one.
        preset: The cohort's preset; says which published cohort is comparable, and why figures deviate.

    Raises:
        ValueError: There are no patients.
    """
    if not patients:
        raise ValueError("an audit needs at least one patient")
    sheet = Sheet(preset)
    for part in (_cohort, _node_counts, _stations, _categories, _size_criterion, _uptake, _appearance, _spread):
        part(sheet, patients)
    return sheet.figures


def _cohort(sheet: Sheet, patients: Sequence[PatientTruth]) -> None:
    sheet.add("Cohort", "patients", str(len(patients)))
    sheet.share("Cohort", "with PET", sum(p.plan.has_pet for p in patients), len(patients))
    sheet.share(
        "Cohort",
        "men",
        sum(p.plan.sex == "M" for p in patients),
        len(patients),
        published_share(214, 353, PETCT, "lung"),
    )
    for site in sheet.preset.tumor.sites:
        sheet.share(
            "Cohort",
            f"tumor in the {site.name}",
            sum(p.plan.tumor.site == site.name for p in patients),
            len(patients),
        )


def _node_counts(sheet: Sheet, patients: Sequence[PatientTruth]) -> None:
    section, counts = "Nodes", np.array([len(_visible(p)) for p in patients])
    mean, error = float(counts.mean()), 1.96 * float(counts.std()) / math.sqrt(len(counts))
    published = PublishedFigure(
        "9961 in 1052 patients (9.5 each; 11.7 in the 310 with labels)", 8.5, 11.7, PGLS, "esophagus"
    )
    sheet.add(
        section, "visible nodes a patient",
        f"{mean:.2f} (SD {counts.std():.1f}, {counts.min()} to {counts.max()})", published,
        (mean - error, mean + error),
    )  # fmt: skip
    nodes = [node for p in patients for node in _visible(p)]
    sheet.share(
        section, "positive among visible nodes", sum(n.malignant for n in nodes), len(nodes),
        published_share(188, 3635, PGLS, "esophagus"),
    )  # fmt: skip
    everything = [node for p in patients for node in p.nodes]
    sheet.add(section, "nodes of any size a patient", f"{len(everything) / len(patients):.1f}")
    metastases = [node for node in everything if node.malignant]
    unseen = sum(not node.visible or node.micrometastasis for node in metastases)
    sheet.share(section, "metastases that cannot be seen (under 5 mm or microscopic)", unseen, len(metastases))


def _stations(sheet: Sheet, patients: Sequence[PatientTruth]) -> None:
    section, whole = "Stations", len(anatomy.stations()) * len(patients)
    by_pathology = [row.station for p in patients for row in p.pathology if row.n_positive]
    by_imaging = [row.station for p in patients for row in p.stations if row.call]
    truly = [row.station for p in patients for row in p.stations if row.n_malignant]
    sheet.share(
        section, "positive by pathology (undissected counted as negative)", len(by_pathology), whole,
        published_share(231, 6001, PETCT, "lung"),
    )  # fmt: skip
    sheet.share(section, "positive by imaging", len(by_imaging), whole, published_share(347, 5899, PETCT, "lung"))
    sheet.share(section, "truly positive", len(truly), whole)
    dissected = [row for p in patients for row in p.pathology]
    sheet.add(section, "dissected stations a patient", f"{len(dissected) / len(patients):.1f}")
    sheet.add(section, "nodes taken a patient", f"{sum(row.n_taken for row in dissected) / len(patients):.1f}")
    _most(sheet, by_imaging)
    counts = [
        (name, Counter(names))
        for name, names in (("imaging", by_imaging), ("pathology", by_pathology), ("truth", truly))
    ]
    for row in anatomy.stations():
        words = ", ".join(f"{name} {100 * count[row.name] / len(patients):.1f} %" for name, count in counts)
        sheet.add("Stations by name (part of patients)", row.name, words)


def _most(sheet: Sheet, by_imaging: Sequence[str]) -> None:
    name, wanted = "most often positive by imaging", {"4R", "4L", "7", "11R", "11L"}
    five = [station for station, _ in Counter(by_imaging).most_common(5)]
    common = len(wanted & set(five))
    published = PublishedFigure("4R, 4L, 7, 11R and 11L", 4, 5, PETCT_STATIONS, "lung")
    sheet.add("Stations", name, ", ".join(five), published, (common, common))


def _categories(sheet: Sheet, patients: Sequence[PatientTruth]) -> None:
    for name, published in (("p_n", (223, 45, 82, 3)), ("c_n", (196, 41, 81, 35))):
        counts = Counter(getattr(p, name)[:2] for p in patients)
        title = name[0] + "N"
        for category, number in zip(("N0", "N1", "N2", "N3"), published, strict=True):
            sheet.share(
                f"N categories ({title})", f"{title}{category[1]}", counts[category], len(patients),
                published_share(number, 353, PETCT, "lung"),
            )  # fmt: skip


def _size_criterion(sheet: Sheet, patients: Sequence[PatientTruth]) -> None:
    section = f"Short axis of {sheet.preset.imaging.short_axis_mm:g} mm or more"
    limit = sheet.preset.imaging.short_axis_mm
    calls = [(any(r.n_positive for r in p.pathology), max((n.short_axis_mm for n in _visible(p)), default=0) >= limit)
             for p in patients]  # fmt: skip
    for suffix, level in (
        ("per patient (N+ by pathology)", calls),
        ("per dissected station", _station_size(patients, limit)),
    ):
        literature = level is calls
        cancer = sheet.preset.cancer
        _accuracy(
            sheet, section, suffix, level,
            PublishedFigure("39.7 to 67.2 %", 0.397, 0.672, SA_MOE, cancer) if literature else None,
            PublishedFigure("about 80 %", 0.75, 0.85, SA_MOE, cancer) if literature else None,
        )  # fmt: skip


def _station_size(patients: Sequence[PatientTruth], limit: float) -> list[tuple[bool, bool]]:
    return [(row.n_positive > 0, (seen[row.station].largest_short_axis_mm or 0) >= limit)
            for p in patients for seen in [_by_name(p)] for row in p.pathology]  # fmt: skip


def _uptake(sheet: Sheet, patients: Sequence[PatientTruth]) -> None:
    threshold = sheet.preset.imaging.suv_max
    section = f"SUVmax above {threshold:g} per station (expected, tumor left in)"
    scanned = [p for p in patients if p.plan.has_pet]

    def hot(row: StationRow) -> bool:
        return (row.station_suv_max or 0) > threshold

    against_readers = [(row.call, hot(row)) for p in scanned for row in p.stations]
    _accuracy(
        sheet, section, "against imaging diagnosis", against_readers,
        PublishedFigure("0.77 +- 0.03", 0.71, 0.83, PETCT_SUV, "lung"),
        PublishedFigure("0.84 +- 0.01", 0.82, 0.86, PETCT_SUV, "lung"),
    )  # fmt: skip
    against_pathology = [
        (row.n_positive > 0, hot(seen[row.station])) for p in scanned for seen in [_by_name(p)] for row in p.pathology
    ]
    _accuracy(sheet, section, "against pathology, dissected stations", against_pathology)


def _accuracy(
    sheet: Sheet,
    section: str,
    suffix: str,
    pairs: Sequence[tuple[bool, bool]],
    sensitivity: PublishedFigure | None = None,
    specificity: PublishedFigure | None = None,
) -> None:
    """Add sensitivity and specificity of (truth, call) pairs."""
    positive = [call for truth, call in pairs if truth]
    negative = [not call for truth, call in pairs if not truth]
    sheet.share(section, f"sensitivity {suffix}", sum(positive), len(positive), sensitivity)
    sheet.share(section, f"specificity {suffix}", sum(negative), len(negative), specificity)


def _appearance(sheet: Sheet, patients: Sequence[PatientTruth]) -> None:
    nodes = [node for p in patients for node in _visible(p)]
    for name, chosen in (
        ("benign", [n for n in nodes if not n.malignant]),
        ("metastatic", [n for n in nodes if n.malignant]),
    ):
        section = "Visible nodes: size"
        sheet.add(section, f"short axis of {name} nodes (mm)", _spread_words([n.short_axis_mm for n in chosen]))
        sheet.add(section, f"volume of {name} nodes (ml)", _spread_words([n.volume_mm3 / 1000 for n in chosen], 2))
        sheet.share(
            section, f"{name} nodes of 10 mm or more", sum(n.short_axis_mm >= 10 for n in chosen), len(chosen)
        )
    section = "Visible nodes: what tells metastatic from benign"
    _auroc(sheet, section, "AUROC of short axis alone", nodes, lambda node: node.short_axis_mm)
    groups = ("all", "upper", "middle", "lower", "hilar")
    for group in groups:
        part = [node for node in nodes if group in ("all", node.group)]
        value = attribute_auroc(part)
        note = {"all": "0.93 for the paper's network on images"}.get(group)
        words = "too few nodes" if value is None else f"{value:.2f}"
        sheet.figures.append(
            Figure(
                section,
                f"AUROC of all CT attributes, {group}",
                words,
                note,
                PGLS.replace("Sec. 3.1", "Table 1") if note else None,
            )
        )


def _auroc(
    sheet: Sheet, section: str, name: str, nodes: Iterable[NodeTruth], score: Callable[[NodeTruth], float]
) -> None:
    nodes = list(nodes)
    value = auroc([score(n) for n in nodes if n.malignant], [score(n) for n in nodes if not n.malignant])
    sheet.add(section, name, "too few nodes" if value is None else f"{value:.2f}")


def _spread(sheet: Sheet, patients: Sequence[PatientTruth]) -> None:
    if sheet.preset.cancer != "lung":
        return
    hilar = ("10R", "10L", "11R", "11L")
    involved = [{row.station for row in p.stations if row.n_malignant} for p in patients]
    mediastinal = [stations for stations in involved if stations - set(hilar)]
    skipping = sum(not stations & set(hilar) for stations in mediastinal)
    published = published_share(1806, 1806 + 4670, "Wang et al., Ann Transl Med 2021 (meta-analysis)", "lung")
    sheet.share("Spread", "skip metastases among mediastinal ones (truth)", skipping, len(mediastinal), published)


def _visible(patient: PatientTruth) -> list[NodeTruth]:
    return [node for node in patient.nodes if node.visible]


def _by_name(patient: PatientTruth) -> dict[str, StationRow]:
    return {row.station: row for row in patient.stations}


def _spread_words(values: Sequence[float], decimals: int = 1) -> str:
    if not values:
        return "none"
    quantiles = np.percentile(values, (5, 25, 50, 75, 95))
    low, first, median, third, high = (f"{q:.{decimals}f}" for q in quantiles)
    return f"median {median}, quartiles {first} to {third}, 5th to 95th percentile {low} to {high}"
