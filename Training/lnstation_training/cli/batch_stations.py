"""The command that gives a cohort the stations that a batch drew."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnstation_training.cli.show import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lnstation_training.cohorts.batch_stations import BatchStations

_MOST_LINES = 20


def use_stations(
    batch: Annotated[Path, typer.Argument(help="Output folder of run.py batch on the same patients.")],
    patients: Annotated[Path, typer.Option(help="CSV: patient, ct and so on.")],
    out: Annotated[
        Path | None, typer.Option(help="The new table, beside the old one. [default: named after both]")
    ] = None,
) -> None:
    """Write a table of patients anew with the stations of a batch, such as those carried over from atlases.

    A whole cohort gets atlas-warped stations by run.py batch --stations.method atlas_registration, on several
    processes or machines, and goes on where it was stopped; this command names its maps in the column stations.
    """
    from lnstation_training.cohorts.batch_stations import batch_stations, patients_of, write_with_stations

    drawn = batch_stations(batch, patients_of(patients))
    target = out or patients.with_name(f"{patients.stem}_{batch.resolve().name}.csv")
    write_with_stations(patients, target, drawn)
    for line in _lines(drawn):
        say(line)
    say(f"Written: {target}")


def _lines(drawn: Sequence[BatchStations]) -> Iterator[str]:
    """By which methods, what they warned of how often, and who has none and why."""
    methods = Counter(each.method for each in drawn if each.path is not None)
    for method, count in methods.items():
        yield f"{count} of {len(drawn)} patients have stations by {method}."
    words = {code: text for each in drawn for code, text in reversed(each.remarks)}
    for code, count in Counter(code for each in drawn for code, _ in {*each.remarks}).most_common():
        yield f"{count} patients: {words[code]}"
    without = [each for each in drawn if each.path is None]
    yield from (f"No stations: {each.patient}: {each.missing}" for each in without[:_MOST_LINES])
    if len(without) > _MOST_LINES:
        yield f"... and {len(without) - _MOST_LINES} more without."
