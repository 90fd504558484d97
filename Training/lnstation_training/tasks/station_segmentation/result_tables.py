"""DeepStationing's tables drawn as Markdown from the results of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lnstation_training.engine.experiment_files import Rows, TableLine, TableSpec
from lnstation_training.engine.values import FoldResult
from lnstation_training.evaluation.segmentation import MeanEstimate, mean_estimate
from lnstation_training.tasks.station_segmentation.organ_search import mean_ranking, rank_agreement
from lnstation_training.tasks.station_segmentation.scores import (
    PatientScores,
    StationEvaluation,
    by_patient,
    by_title,
    gains,
    missed_and_invented,
    of_station,
    over_patients,
    stations_of,
    zone_accuracy,
)
from LNStationLib import anatomy
from LNStationLib.support.errors import InputError

NOT_RUN = "not run"
_MEASURES = {"dice": ("Dice, %", 100.0), "hd_mm": ("HD, mm", 1.0), "asd_mm": ("ASD, mm", 1.0)}
"""The paper's three, with what their values are multiplied by."""
Results = Mapping[str, Sequence[FoldResult]]


def tables_markdown(rows: Rows, results: Results) -> str:
    """The tables as Markdown, with what was spent on them.

    Raises:
        InputError: A table is of a kind that this task does not draw.
    """
    kinds: Mapping[str, Callable[[TableSpec, Rows, Results], str]] = {
        "stations": _station_table,
        "summary": _summary_table,
        "differences": _difference_table,
        "ranking": _ranking_table,
        "organs": _organ_table,
    }
    parts = [f"# {rows.title}: results", _what_was_run(results)]
    for table in rows.tables:
        if table.kind not in kinds:
            raise InputError(f"Table {table.title!r} is of kind {table.kind!r}: choose {', '.join(kinds)}.")
        if any(name in results for line in table.lines for name in line.rows):
            parts.append(f"## {table.title}\n\n{kinds[table.kind](table, rows, results)}")
    return "\n\n".join(parts) + "\n"


def _evaluations(line: TableLine, results: Results) -> list[StationEvaluation]:
    """Of all folds of a line's rows; none where one of the rows was not run."""
    if any(name not in results for name in line.rows):
        return []
    found = [result.evaluation for name in line.rows for result in results[name]]
    wrong = [each for each in found if not isinstance(each, StationEvaluation)]
    if wrong:
        raise TypeError(f"{type(wrong[0]).__name__} is not an evaluation of station segmentation")
    return [each for each in found if isinstance(each, StationEvaluation)]


def _patients(evaluations: Sequence[StationEvaluation]) -> list[PatientScores]:
    return [patient for each in evaluations for patient in each.patients]


def _title(line: TableLine, rows: Rows) -> str:
    return line.title or rows.rows[line.rows[0]].title


def _what_was_run(results: Results) -> str:
    every = [result for row in results.values() for result in row]
    evaluations = [result.evaluation for result in every]
    first = every[0]
    folds = sorted({result.fold for result in every})
    tested = {
        patient.patient for each in evaluations if isinstance(each, StationEvaluation) for patient in each.patients
    }
    note = " They are synthetic: none of these figures says anything about patients."
    made_up = note if first.evaluation.synthetic else ""
    seeds = sorted({result.seed for result in every})
    return (
        f"Cohort: {first.evaluation.cohort}.{made_up} Setting: {first.setting}. Folds run: "
        f"{', '.join(map(str, folds))}; tested in all: {len(tested)} patients; seeds: {', '.join(map(str, seeds))}; "
        f"epochs: {first.evaluation.epochs}.\n\n"
        "A figure of a row is the mean over stations, then over the patients tested, +- the standard deviation "
        "between patients. A station that was missed has a Dice of 0 and no distance. Stations of synthetic patients "
        "are a function of their organs, so true organ masks are expected to win here, unlike in the paper."
    )


def _station_table(table: TableSpec, rows: Rows, results: Results) -> str:
    lines = [(line, _evaluations(line, results)) for line in table.lines]
    blocks = []
    for measure, (title, factor) in _MEASURES.items():
        header = [title, *(_title(line, rows) for line, _ in lines)]
        names = stations_of([patient for _, found in lines for patient in _patients(found)])
        body = [
            [
                _station_title(name),
                *(_cell(of_station(_patients(found), name, measure, 0), factor, found) for _, found in lines),
            ]
            for name in names
        ]
        body.append(["Average", *(_cell(over_patients(_patients(f), measure, 0), factor, f) for _, f in lines)])
        blocks.append(markdown_table(header, body))
    return "\n\n".join(blocks)


def _station_title(name: str) -> str:
    return f"{name} {anatomy.station(name).title}"


def _cell(estimate: MeanEstimate, factor: float, evaluations: Sequence[StationEvaluation]) -> str:
    return with_sd(estimate, factor) if evaluations else NOT_RUN


def _summary_table(table: TableSpec, rows: Rows, results: Results) -> str:
    header = ["Input", "Organs", "Parameters", "Dice, % (95 % interval)", "HD, mm", "HD95, mm", "ASD, mm",
              "Nodes in zone, %", "Missed", "Invented", "Patients"]  # fmt: skip
    body, comparators = [], []
    for line in table.lines:
        found = _evaluations(line, results)
        if not found:
            body.append([_title(line, rows), NOT_RUN, *[""] * (len(header) - 2)])
            continue
        comparators.append(by_title([each.comparators for each in found]))
        parameters = f"{found[0].parameters / 1e6:.2f} M"
        body.append([_title(line, rows), str(len(found[0].organs)), parameters, *_figures(_patients(found))])
    for title, patients in by_title(comparators).items():
        body.append([title, "", "", *_figures(patients)])
    return markdown_table(header, body)


def _figures(patients: Sequence[PatientScores]) -> list[str]:
    distances = [with_sd(over_patients(patients, measure, 0)) for measure in ("hd_mm", "hd95_mm", "asd_mm")]
    missed, invented = missed_and_invented(patients)
    return [
        with_interval(over_patients(patients, "dice"), 100),
        *distances,
        with_interval(zone_accuracy(patients), 100),
        str(missed),
        str(invented),
        str(len({each.patient for each in patients})),
    ]


def _difference_table(table: TableSpec, rows: Rows, results: Results) -> str:
    """What each line gains on the table's reference, patient by patient on those that both were tested on."""
    if table.reference is None:
        raise InputError(f"Table {table.title!r} compares with a row: name it as its reference.")
    reference = _evaluations(TableLine(rows=[table.reference]), results)
    if not reference:
        return NOT_RUN
    header = ["Input", "Dice, points (95 % interval)", "HD95, mm (95 % interval)", "Higher Dice in", "Patients"]
    body, base = [], by_patient(_patients(reference))
    for line in table.lines:
        found = _evaluations(line, results)
        cells = _gains(base, by_patient(_patients(found))) if found else [NOT_RUN, "", "", ""]
        body.append([_title(line, rows), *cells])
    for title, patients in by_title([each.comparators for each in reference]).items():
        body.append([title, *_gains(base, by_patient(patients))])
    return f"Differences from {rows.rows[table.reference].title}:\n\n{markdown_table(header, body)}"


def _gains(base: Mapping[str, PatientScores], other: Mapping[str, PatientScores]) -> list[str]:
    dice = [each for each in gains(base, other, "dice") if each is not None]
    return [
        with_interval(mean_estimate(dice), 100),
        with_interval(mean_estimate(gains(base, other, "hd95_mm"))),
        str(sum(each > 0 for each in dice)),
        str(len(dice)),
    ]


def _ranking_table(table: TableSpec, rows: Rows, results: Results) -> str:
    # Each row is a search of its own: those that were run are shown.
    lines = [TableLine(rows=[name]) for line in table.lines for name in line.rows]
    searches = [each for line in lines for each in _evaluations(line, results) if each.ranking]
    if not searches:
        return NOT_RUN
    rankings = [each.ranking for each in searches]
    agreement = rank_agreement([[pair.organ for pair in ranking] for ranking in rankings])
    body = []
    for place, pair in enumerate(mean_ranking(rankings), start=1):
        places = [[each.organ for each in ranking].index(pair.organ) + 1 for ranking in rankings]
        paper = anatomy.organ(pair.organ).deepstationing_rank
        title = anatomy.organ(pair.organ).title
        body.append([str(place), title, f"{pair.weight:.4f}", ", ".join(map(str, places)), str(paper or "")])
    told = "" if agreement is None else f"\n\nKendall's tau between searches, mean over pairs: {agreement:.2f}."
    text = markdown_table(["Rank", "Organ", "Mean weight", "Rank in each search", "Rank in the paper"], body)
    return f"{text}\n\nAll weights start at {1 / len(body):.4f}.{told}"


def _organ_table(table: TableSpec, rows: Rows, results: Results) -> str:
    """Dice of the organ channels."""
    lines = [(line, [each for each in _evaluations(line, results) if each.organ_dice]) for line in table.lines]
    names = list(dict.fromkeys(name for _, found in lines for each in found for name in each.organ_dice))
    body = []
    for name in names:
        cells = []
        for _, found in lines:
            values = [each.organ_dice[name] for each in found if name in each.organ_dice]
            cells.append(f"{100 * sum(values) / len(values):.1f}" if values else "")
        body.append([anatomy.organ(name).title, *cells])
    return markdown_table(["Organ: Dice, %", *(_title(line, rows) for line, _ in lines)], body)


def with_sd(estimate: MeanEstimate, factor: float = 1.0) -> str:
    """Mean +- standard deviation, ``-`` where it is not defined."""
    if estimate.value is None:
        return "-"
    sd = "" if estimate.sd is None else f" +- {factor * estimate.sd:.1f}"
    return f"{factor * estimate.value:.1f}{sd}"


def with_interval(estimate: MeanEstimate, factor: float = 1.0) -> str:
    """Mean with its interval, ``-`` where it is not defined."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{factor * estimate.value:.1f}"
    return f"{factor * estimate.value:.1f} ({factor * estimate.low:.1f} to {factor * estimate.high:.1f})"


def markdown_table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table as Markdown."""
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
