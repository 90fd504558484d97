"""The report of a cohort as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from LNStationLib.batch.environment import Environment
from LNStationLib.batch.pictures import category_bars, course, station_bars, volume_boxes
from LNStationLib.batch.summary import NOT_DERIVED, CohortSummary, MethodUse
from LNStationLib.batch.words import choice_words, failure_words
from LNStationLib.export.report.category import Fact
from LNStationLib.export.report.cells import Cell, Heading, Table, station_cell, step_title
from LNStationLib.export.report.html import page, style_sheet
from LNStationLib.export.wording import NOTHING, SYNTHETIC_MODEL, clean, number, sentence
from LNStationLib.state.assessment import RESEARCH_USE
from LNStationLib.state.reason_codes import spoken
from LNStationLib.support.language import current_language, marked, say, say_count

_OUTCOMES = {"refused": marked("refused"), "failed": marked("failed")}
_TRAINED = {
    "synthetic": marked("trained on synthetic patients"),
    "clinical": marked("trained on clinical patients"),
}
_MAX_LISTED_FAILURES = 200
_MAX_LISTED_WARNINGS = 25
TITLE = marked("Thoracic lymph node stations: cohort")


@dataclass(frozen=True)
class Chart:
    """A drawing with its title and how to read it."""

    title: str
    drawing: str
    note: str


def cohort_report(summary: CohortSummary, environment: Environment) -> str:
    """Lay out what a cohort comes to."""
    return page("cohort.html.j2").render(
        language=current_language(),
        title=say(TITLE),
        headline=_cases(summary.n_assessed + len(summary.failures)),
        research_use=say(RESEARCH_USE),
        banners=_banners(summary),
        facts_shown=_facts(summary),
        charts=_charts(summary),
        stations=_station_table(summary),
        warnings=_warning_table(summary),
        failures=_failure_table(summary),
        refusals=_refusal_table(summary),
        methods=_method_table(summary),
        version=f"LNStation {environment.lnstation}",
        css=style_sheet(),
    )


def _banners(summary: CohortSummary) -> list[str]:
    said = []
    if summary.synthetic_models:
        said.append(f"{say(SYNTHETIC_MODEL)} ({_cases(summary.synthetic_models)})")
    if summary.synthetic_patients:
        said.append(
            say_count(
                "SYNTHETIC PATIENTS: {count} case made by a computer",
                "SYNTHETIC PATIENTS: {count} cases made by a computer",
                summary.synthetic_patients,
            )
        )
    return said


def _facts(summary: CohortSummary) -> list[Fact]:
    refused = sum(row.outcome == "refused" for row in summary.failures)
    mean = sum(summary.seconds) / len(summary.seconds) if summary.seconds else None
    return [
        Fact(say("Assessed"), str(summary.n_assessed)),
        Fact(say("Refused"), str(refused)),
        Fact(say("Failed"), str(len(summary.failures) - refused)),
        Fact(say("Time a case"), NOTHING if mean is None else say("{seconds} s (mean)", seconds=number(mean, 1))),
    ]


def _charts(summary: CohortSummary) -> list[Chart]:
    if not summary.n_assessed:
        return []
    charts = [
        Chart(
            say("Calls by station"),
            station_bars(summary.stations),
            say(
                "Percentages are of the cases with a call that is fit for staging. Unconfirmed: the call rests on "
                "candidates of a method of low specificity."
            ),
        ),
        Chart(
            say("N categories"),
            category_bars(_categories(summary)),
            say("At least: only a lower bound follows, for instance because a station was not assessed."),
        ),
        Chart(
            say("Volumes of stations"),
            volume_boxes(summary.stations),
            say("Median, quartiles, and 5th to 95th percentile of the cases in which the station was found."),
        ),
        _course(say("Time a case"), summary.seconds, "s", say("From reading to the last file.")),
    ]
    if summary.memory_mib:
        note = say("Of the worker's process after the case: a line that rises would be a leak.")
        charts.append(_course(say("Memory"), summary.memory_mib, "MiB", note))
    return charts


def _course(title: str, values: Sequence[float], unit: str, note: str) -> Chart:
    return Chart(title, course(values, title, unit), note)


def _categories(summary: CohortSummary) -> dict[str, int]:
    """Counts by words, categories in order, what was not derived last."""
    ordered = sorted(summary.n_categories.items(), key=lambda one: (one[0][0] == NOT_DERIVED, one[0]))
    return {_category(name, bound): count for (name, bound), count in ordered}


def _category(name: str, is_lower_bound: bool) -> str:
    if name == NOT_DERIVED:
        return say(NOT_DERIVED)
    return say("at least {category}", category=name) if is_lower_bound else name


def _cases(count: int) -> str:
    return say_count("{count} case", "{count} cases", count)


def _station_table(summary: CohortSummary) -> Table:
    rows = []
    for name, count in summary.stations.items():
        found = len(count.volumes_ml)
        fraction = count.positive_fraction
        low, median, high = (number(count.percentile_ml(percent), 1) for percent in (25, 50, 75))
        rows.append(
            (
                station_cell(name),
                Cell(str(found)),
                *(
                    Cell(str(count.states[state]))
                    for state in ("positive", "negative", "unconfirmed", "not assessed")
                ),
                Cell(NOTHING if fraction is None else f"{100 * fraction:.0f}%", bar=fraction),
                Cell(say("{median} ({low} to {high})", median=median, low=low, high=high) if found else NOTHING),
            )
        )
    titles = (say("Found"), say("Positive"), say("Negative"), say("Unconfirmed"), say("Not assessed"))
    columns = (
        Heading(say("Station"), 8),
        *(Heading(title, 10, "right") for title in titles),
        Heading(say("Positive of called"), 14, "left"),
        Heading(say("Volume, ml: median (quartiles)"), 18, "right"),
    )
    return Table(columns, tuple(rows))


def _counted_table(title: str, counted: Sequence[tuple[str, int]], empty: str, note: str = "") -> Table:
    rows = tuple((Cell(sentence(words)), Cell(str(count))) for words, count in counted)
    return Table((Heading(title, 90), Heading(say("Cases"), 10, "right")), rows, empty, note)


def _warning_table(summary: CohortSummary) -> Table:
    counted = [
        (spoken(*summary.examples[key]), count) for key, count in summary.warnings.most_common(_MAX_LISTED_WARNINGS)
    ]
    more = len(summary.warnings) - len(counted)
    note = say("Warnings of one kind are counted together; numbers and names are those of the first case.")
    if more > 0:
        note += " " + say_count(
            "{count} more kind in the reports of the cases.", "{count} more kinds in the reports of the cases.", more
        )
    return _counted_table(say("Warning"), counted, say("No warnings."), note)


def _failure_table(summary: CohortSummary) -> Table:
    rows = tuple(
        (Cell(clean(row.case_id), "name"), Cell(say(_OUTCOMES[row.outcome])), Cell(clean(failure_words(row))))
        for row in summary.failures[:_MAX_LISTED_FAILURES]
    )
    more = len(summary.failures) - len(rows)
    more_words = say_count("{count} more case in failures.csv.", "{count} more cases in failures.csv.", more)
    columns = (Heading(say("Case"), 20), Heading(say("Outcome"), 10), Heading(say("Why"), 70))
    return Table(columns, rows, say("Every case has a result."), more_words if more > 0 else "")


def _refusal_table(summary: CohortSummary) -> Table | None:
    if not summary.refusals:
        return None
    rows = tuple(
        (Cell(clean(kind[0])), Cell(sentence(choice_words(summary.choices[kind]))), Cell(str(count)))
        for kind, count in summary.refusals.most_common()
    )
    columns = (
        Heading(say("Modality"), 12),
        Heading(say("Why the series was not taken"), 76),
        Heading(say("Series"), 12, "right"),
    )
    return Table(columns, rows)


def _method_table(summary: CohortSummary) -> Table:
    rows = tuple(
        (Cell(step_title(step), "name"), Cell(_method_words(method)), Cell(str(count)))
        for step, methods in summary.methods.items()
        for method, count in methods.most_common()
    )
    columns = (Heading(say("Step"), 15), Heading(say("Method"), 75), Heading(say("Cases"), 10, "right"))
    return Table(columns, rows, say("No case."))


def _method_words(used: MethodUse) -> str:
    words = clean(", ".join(filter(None, (used.implementation, used.model))))
    if used.trained_on is None:
        return words
    text = _TRAINED[used.trained_on]
    return f"{words} ({say(text)})"
