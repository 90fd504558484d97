"""A model package's card as a line for a list and as a page to read."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.ModelCard import Metric, ModelCard, OperatingPoint


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
