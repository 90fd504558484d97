"""What a report says, as plain words and tables: the one source of both the HTML and the PDF.

The templates only lay out what stands here, so the two cannot disagree, and every text is cleaned once.
"""

from __future__ import annotations

from dataclasses import dataclass

from LNStationLib import anatomy
from LNStationLib.assessment.review import Review
from LNStationLib.export.report import background_tables, tables
from LNStationLib.export.report.category import Category, Fact, category_content
from LNStationLib.export.report.cells import Table
from LNStationLib.export.report.node_sources import source_of_case
from LNStationLib.export.report.review_content import ReviewContent, review_content
from LNStationLib.export.report.warning_list import ReportWarning, warnings_by_prominence
from LNStationLib.export.wording import NOTHING, SYNTHETIC_MODEL, clean, number, time_text
from LNStationLib.imaging.tracer import tracer_title
from LNStationLib.state.assessment import RESEARCH_USE, Assessment, CaseSummary, PatientIdentity, StationFinding
from LNStationLib.support.language import ENGLISH, current_language, marked, say, say_count

SYNTHETIC_CASE = marked("SYNTHETIC CASE: made by a computer, not a patient")

_SITES = (
    marked("right upper lobe"), marked("middle lobe"), marked("right middle lobe"), marked("right lower lobe"),
    marked("left upper lobe"), marked("lingula"), marked("left lower lobe"), marked("upper third"),
    marked("middle third"), marked("lower third"),
)  # fmt: skip
"""Of a tumor as people write them, for the catalogs; other words stay as they were given."""
_SIDES = {"L": marked("left side"), "R": marked("right side")}
_SEXES = {"F": marked("female"), "M": marked("male"), "O": marked("other")}
_CANCERS = {"lung": marked("lung"), "esophagus": marked("esophagus")}


@dataclass(frozen=True)
class ReportContent:
    """All texts that a report shows.

    ``warnings`` stand before the tables, and ``warnings_pointer`` says on the summary page how many there are;
    ``details``, where there are many, are the warnings of single stations and nodes, which then stand behind the
    tables. ``case_id`` names the
    patient where the report may, else the case. ``review`` is ``None`` where the case was not reviewed.
    """

    title: str
    case_id: str
    research_use: str
    banners: tuple[str, ...]
    facts: tuple[Fact, ...]
    category: Category
    warnings: tuple[ReportWarning, ...]
    warnings_pointer: str
    details: tuple[ReportWarning, ...]
    map_note: str
    stations: Table
    nodes: Table
    organs: Table
    borders: Table
    agreement: Table | None
    methods: Table
    references: tuple[str, ...]
    version: str
    created: str
    review: ReviewContent | None = None
    language: str = ENGLISH


def build_content(assessment: Assessment, review: Review | None = None) -> ReportContent:
    """Describe an assessment, and a reader's review of it, as text."""
    references = background_tables.references(assessment)
    warnings, details = warnings_by_prominence(assessment)
    return ReportContent(
        title=say("Thoracic lymph node stations"),
        case_id=clean(heading(assessment.case)),
        research_use=clean(research_use(assessment)),
        banners=banners(assessment),
        facts=_facts(assessment),
        category=category_content(assessment.staging),
        warnings=warnings,
        warnings_pointer=_pointer(warnings),
        details=details,
        map_note=_map_note(assessment.stations, review is not None),
        stations=tables.station_table(assessment),
        nodes=tables.node_table(assessment),
        organs=background_tables.organ_table(assessment),
        borders=background_tables.border_table(assessment),
        agreement=background_tables.agreement_table(assessment),
        methods=background_tables.method_table(assessment, references),
        references=references,
        version=clean(f"LNStation {assessment.lnstation_version}"),
        created=time_text(assessment.created, naive_is_utc=True),
        review=None if review is None else review_content(assessment, review),
        language=current_language(),
    )


def research_use(assessment: Assessment) -> str:
    """That it is for research; in words of the file's own where they are not those of today."""
    return say(RESEARCH_USE) if assessment.research_use == RESEARCH_USE else assessment.research_use


def heading(case: CaseSummary) -> str:
    """What identifies a report: the patient where it may name one, else the name of the case."""
    who = case.patient
    if who is None or not (who.name or who.patient_id):
        return case.case_id
    return f"{who.name} ({who.patient_id})" if who.name and who.patient_id else who.name or who.patient_id or ""


def banners(assessment: Assessment) -> tuple[str, ...]:
    """The banners that must stand on every page."""
    found = []
    if assessment.case.synthetic:
        found.append(say(SYNTHETIC_CASE))
    if assessment.trained_on_synthetic:
        found.append(say(SYNTHETIC_MODEL))
    return tuple(found)


def _facts(assessment: Assessment) -> tuple[Fact, ...]:
    case = assessment.case
    size = " \N{MULTIPLICATION SIGN} ".join(str(count) for count in case.ct_size)
    spacing = " \N{MULTIPLICATION SIGN} ".join(number(value, 2) for value in case.ct_spacing_mm)
    patient = [say(_SEXES[case.sex])] if case.sex else []
    patient += [say("{age} years", age=case.age_years)] if case.age_years is not None else []
    tumor = [say(_SIDES[case.tumor_side])] if case.tumor_side else []
    tumor += [say(clean(case.tumor_site))] if case.tumor_site else []
    facts = [
        Fact(say("Primary cancer"), say(_CANCERS[case.cancer]) if case.cancer else say("not given")),
        Fact(say("Primary tumor"), ", ".join(tumor) or say("not given")),
        Fact(say("Patient"), ", ".join(patient) or say("not given")),
        Fact("CT", say("{size} voxels of {spacing} mm", size=size, spacing=spacing)),
        Fact("PET", _pet(case)),
        Fact(say("Nodes from"), source_of_case(case.nodes_from)),
    ]
    facts += _identity(case.patient)
    if case.study_date:
        facts.append(Fact(say("Study date"), clean(case.study_date)))
    return tuple(facts)


def _pet(case: CaseSummary) -> str:
    if not case.has_pet:
        return say("none")
    return say("tracer not stated, taken as FDG") if case.pet_tracer is None else say(tracer_title(case.pet_tracer))


def _identity(patient: PatientIdentity | None) -> list[Fact]:
    if patient is None:
        return []
    known = {
        say("Name"): patient.name,
        say("Patient ID"): patient.patient_id,
        say("Born"): patient.birth_date,
        say("Accession number"): patient.accession_number,
    }
    return [Fact(label, clean(value)) for label, value in known.items() if value]


def _pointer(warnings: tuple[ReportWarning, ...]) -> str:
    """How many warnings there are, with the first: the most general."""
    first = warnings[0].text if warnings else ""
    return say_count(
        "{count} warning. {first} All of them stand on the next page.",
        "{count} warnings. {first} All of them stand on the next page.",
        len(warnings),
        first=first,
    )


def _map_note(stations: list[StationFinding], is_reviewed: bool) -> str:
    fit = [row for row in stations if row.fit_for_staging]
    positive = sum(row.call == "positive" for row in fit)
    negative = sum(row.call == "negative" for row in fit)
    unconfirmed = len(stations) - len(fit)
    found = {row.station for row in stations if row.volume_ml is not None}
    missing = [row.name for row in anatomy.stations() if row.name not in found]
    open_ = sum(row.call is None and row.volume_ml is not None for row in stations)
    parts = [
        say_count(
            "{count} station positive, {negative} negative, {open} found but not assessed.",
            "{count} stations positive, {negative} negative, {open} found but not assessed.",
            positive,
            negative=negative,
            open=open_,
        )
    ]
    if unconfirmed:
        parts.append(
            say_count(
                "Of {count} station the call rests on unconfirmed candidates only.",
                "Of {count} stations the call rests on unconfirmed candidates only.",
                unconfirmed,
            )
        )
    if missing:
        parts.append(say("Not found on this CT: {stations}.", stations=", ".join(missing)))
    parts.append(say("A schematic, not this patient's anatomy."))
    parts.append(say("{nothing} in a table means not assessed or not measured.", nothing=NOTHING))
    return " ".join([*parts, say("The map shows the model's calls.")] if is_reviewed else parts)
