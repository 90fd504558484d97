"""Values of DICOM headers, with errors that name the attribute as the standard does."""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from datetime import date, datetime, time, timedelta
from typing import Any

from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import Tag
from pydicom.valuerep import DA, DT, TM

from LNStationLib.support.errors import InputError

_DATES = ("SeriesDate", "AcquisitionDate", "StudyDate")

DAMAGED = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    EOFError,
    OSError,
    RecursionError,
    InvalidDicomError,
    BytesLengthException,
    struct.error,
    zlib.error,
)
"""What pydicom raises on damaged bytes: it decodes a value only when the value is asked for, and a deflated file when
it opens it; a sequence without end is an ``OSError`` of its own making."""


def attribute(keyword: str) -> str:
    """Name and tag of an attribute for messages, e.g. ``"Patient's Weight (0010,1030)"``."""
    number = tag_for_keyword(keyword)
    if number is None:
        return keyword
    tag = Tag(number)
    return f"{dictionary_description(number)} ({tag.group:04X},{tag.element:04X})"


def value(header: Dataset, keyword: str) -> Any:
    """Value as pydicom gives it; ``None`` where it is absent or damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return header.get(keyword)
    except DAMAGED:
        return None


def text(header: Dataset, keyword: str) -> str:
    """Value as stripped text; empty where it is absent."""
    found = value(header, keyword)
    return "" if found is None else str(found).strip()


def texts(header: Dataset, keyword: str) -> list[str]:
    """Every value of an attribute with one or several texts; empty where it is absent or damaged."""
    found = value(header, keyword)
    if isinstance(found, str):
        return [found] if found else []
    try:
        return [str(word) for word in found]
    except TypeError:
        return []


def words(header: Dataset, keyword: str) -> list[str]:
    """Every value of a code string in capitals, e.g. of Image Type; empty where it is absent."""
    return [word.upper() for word in texts(header, keyword)]


def number(header: Dataset, keyword: str) -> float | None:
    """Value as a finite number; ``None`` where it is absent, empty or no number."""
    try:
        found = float(value(header, keyword))
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def numbers(header: Dataset, keyword: str, count: int, name: str) -> tuple[float, ...]:
    """``count`` finite numbers.

    Raises:
        InputError: The attribute is missing or has another number of values; the message names it.
    """
    result = numbers_or_none(header, keyword, count)
    if result is None:
        raise InputError(
            f"{name}: DICOM attribute {attribute(keyword)} is missing or damaged; export the series again."
        )
    return result


def numbers_or_none(header: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """``count`` finite numbers; ``None`` where the attribute is missing, damaged or has another number of values."""
    try:
        result = tuple(float(item) for item in value(header, keyword))
    except (TypeError, ValueError):
        return None
    return result if len(result) == count and all(map(math.isfinite, result)) else None


def moment(header: Dataset, date_keyword: str, time_keyword: str) -> datetime | None:
    """Date and time of two attributes as one; ``None`` where the time is absent or unreadable.

    Where anonymization took the date, another date of the header stands in, and 1 January 2000 where all are gone:
    only differences within one series count.
    """
    clock = clock_time(text(header, time_keyword))
    days = (_date(text(header, keyword)) for keyword in (date_keyword, *_DATES))
    day = next((day for day in days if day is not None), date(2000, 1, 1))
    return None if clock is None else datetime.combine(day, clock)


def clock_time(value: str) -> time | None:
    """Time of day of a DICOM TM value; ``None`` where it is empty or unreadable."""
    try:
        parsed = TM(value) if value else None
    except (ValueError, TypeError):
        return None
    return None if parsed is None else time(parsed.hour, parsed.minute, parsed.second, parsed.microsecond)


def date_time(value: str) -> datetime | None:
    """Local moment of a DICOM DT value, its UTC offset dropped; ``None`` where it is empty or unreadable."""
    try:
        parsed = DT(value) if value else None
    except (ValueError, TypeError):
        return None
    return None if parsed is None else datetime.combine(parsed.date(), parsed.time())


def age_years(header: Dataset) -> int | None:
    """Age in whole years, from Patient's Age (0010,1010) or from birth date and study date; else ``None``."""
    age = text(header, "PatientAge").upper()
    if len(age) == 4 and age[:3].isdigit() and age[3] in "DWMY":
        days = int(age[:3]) * {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}[age[3]]
        return round(days / 365.25) if age[3] == "Y" else int(days / 365.25)
    born, studied = _date(text(header, "PatientBirthDate")), _date(text(header, "StudyDate"))
    if born is None or studied is None or studied < born:
        return None
    return studied.year - born.year - ((studied.month, studied.day) < (born.month, born.day))


def study_date(header: Dataset) -> str | None:
    """ISO date of the study; ``None`` where it is absent."""
    return iso_date(text(header, "StudyDate"))


def iso_date(value: str) -> str | None:
    """ISO date of a DICOM DA value; ``None`` where it is empty or unreadable."""
    day = _date(value)
    return None if day is None else day.isoformat()


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Seconds from ``earlier`` to ``later``."""
    return (later - earlier) / timedelta(seconds=1)


def seconds_from(earlier: str, later: str) -> float | None:
    """Seconds from one DICOM DT value to another; local times where not both say their UTC offset.

    ``None`` where one is empty or unreadable.
    """
    moments = date_time(earlier), date_time(later)
    if moments[0] is None or moments[1] is None:
        return None
    exact = DT(earlier), DT(later)
    if exact[0].tzinfo is not None and exact[1].tzinfo is not None:
        return (exact[1] - exact[0]) / timedelta(seconds=1)
    return seconds_between(moments[0], moments[1])


def _date(value: str) -> date | None:
    try:
        parsed = DA(value) if value else None
    except (ValueError, TypeError):
        return None
    return None if parsed is None else date(parsed.year, parsed.month, parsed.day)
