"""The words for why a case has no result, and why a series was taken or not: made here from codes."""

from __future__ import annotations

from LNStationLib.batch.records import SeriesChoice, UnitRecord
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

_SENTENCES = {
    "out_of_memory": "Memory did not suffice: give the workers more with --memory, or start fewer.",
    "storage": "The files could not be read or written for the moment: check disk and network, and run it again.",
    "input_changed": "Its files changed while they were read: run it again when they are complete.",
    "worker_lost": "Every worker that tried it was lost, most likely for lack of memory: give more with --memory.",
    "time_limit": "It took longer than --time-limit allows, and its worker was ended.",
}


def failure_words(record: UnitRecord) -> str:
    """Why a case has no result, in one sentence."""
    if record.sentence:
        return record.sentence
    if record.code.startswith("defect"):
        kind = record.code.partition(": ")[2] or "unknown"
        return f"Defect in LNStation ({kind}): the file defect.txt in the folder of the case says more."
    return _SENTENCES.get(record.code, "It failed for an unknown reason: run it again.")


def choice_words(choice: SeriesChoice) -> str:
    """Why a series was taken or not, in words."""
    return words(Reason(choice.code, choice.facts))
