"""A model package's card as the worker describes it (docs/worker.md, method ``models``), and as a page to read."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Literal, TypedDict

from LNStationSlicer.Translation import _


class OperatingPoint(TypedDict):
    """A threshold with a name."""

    name: str
    threshold: float
    description: str
    sensitivity: float | None
    specificity: float | None


class Metric(TypedDict):
    """A measured figure with its interval."""

    name: str
    value: float
    low: float | None
    high: float | None
    cohort: str
    n_patients: int | None
    n_stations: int | None


class Cohort(TypedDict):
    """Whom the network was trained on."""

    title: str
    n_patients: int
    n_stations: int
    n_positive: int
    description: str


class ModelCard(TypedDict):
    """A package that can be used; the fields that the module reads."""

    id: str
    version: str
    title: str
    summary: str
    path: str
    source: Literal["shipped", "user", "folder"]
    network: str
    trained_on: Literal["synthetic", "clinical"]
    licence: str
    intended_use: str
    stations: list[str]
    inputs: list[str]
    calibrated: bool
    operating_points: list[OperatingPoint]
    metrics: list[Metric]
    cohort: Cohort
    references: list[str]
    created: str
    sha256: str


class ModelProblem(TypedDict):
    """A package that cannot be used, and why in one sentence."""

    path: str
    message: str


def cardTitle(card: ModelCard) -> str:
    """A line for a list."""
    title = f"{card['title']} {card['version']}"
    return _("{title} (synthetic training)").format(title=title) if card["trained_on"] == "synthetic" else title


def cardHtml(card: ModelCard) -> str:
    """The whole card. Packages come from anywhere: nothing of theirs is taken as markup."""
    rows = [
        (_("Trained on"), _trainedOn(card)),
        (_("Metrics"), _lines(_metrics(card["metrics"])) or escape(_("none given"))),
        (_("Operating points"), _lines(map(_point, card["operating_points"]))),
        (_("Calibrated"), escape(_("yes") if card["calibrated"] else _("no: probabilities are raw scores"))),
        (_("Stations"), escape(", ".join(card["stations"]))),
        (_("Needs"), escape(", ".join(card["inputs"]))),
        (_("Intended use"), escape(card["intended_use"])),
        (_("License"), escape(card["licence"])),
        (_("References"), _lines(card["references"])),
        (_("Package"), escape(f"{card['id']} {card['version']}, {card['network']}, SHA-256 {card['sha256'][:12]}")),
    ]
    cells = "".join(f"<tr><td><b>{escape(name)}</b>&nbsp;</td><td>{text}</td></tr>" for name, text in rows if text)
    return f"<b>{escape(card['title'])}</b><table cellspacing='3'>{cells}</table>"


def _trainedOn(card: ModelCard) -> str:
    cohort = card["cohort"]
    counts = _("{title}: {patients} patients, {stations} stations, {positive} positive").format(
        title=cohort["title"],
        patients=cohort["n_patients"],
        stations=cohort["n_stations"],
        positive=cohort["n_positive"],
    )
    kind = _("synthetic patients only") if card["trained_on"] == "synthetic" else _("clinical images")
    parts = [f"<b>{escape(kind)}</b>", escape(counts), escape(cohort.get("description") or "")]
    return "<br>".join(part for part in parts if part)


def _metrics(metrics: Iterable[Metric]) -> list[str]:
    """A line for each metric under the cohort that it was measured on."""
    byCohort: dict[str, list[str]] = {}
    for metric in metrics:
        byCohort.setdefault(_measuredOn(metric), []).append(_figure(metric))
    return [line for cohort, figures in byCohort.items() for line in (cohort, *figures)]


def _measuredOn(metric: Metric) -> str:
    text = _("on {cohort}").format(cohort=metric["cohort"])
    if metric.get("n_patients") is not None:
        text += ", " + _("{count} patients").format(count=metric["n_patients"])
    return text + ":"


def _figure(metric: Metric) -> str:
    text = f"{metric['name']} {metric['value']:.2f}"
    if metric["low"] is not None and metric["high"] is not None:
        text += " " + _("({low:.2f} to {high:.2f})").format(low=metric["low"], high=metric["high"])
    if metric.get("n_stations") is not None:
        text += ", " + _("{count} stations").format(count=metric["n_stations"])
    return text


def _point(point: OperatingPoint) -> str:
    text = _("{name}: positive from {threshold:.2f}").format(name=point["name"], threshold=point["threshold"])
    if point.get("sensitivity") is not None:
        text += ", " + _("sensitivity {value:.2f}").format(value=point["sensitivity"])
    if point.get("specificity") is not None:
        text += ", " + _("specificity {value:.2f}").format(value=point["specificity"])
    return f"{text} ({point['description']})" if point["description"] else text


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(escape(text) for text in texts)
