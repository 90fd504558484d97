"""The words for why a case has no result, and why a series was taken or not: made here from codes."""

from __future__ import annotations

from LNStationLib.batch.records import SeriesChoice, UnitRecord
from LNStationLib.support.language import marked, say
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

_SENTENCES = {
    "out_of_memory": marked("Memory did not suffice: give the workers more with --memory, or start fewer."),
    "storage": marked(
        "The files could not be read or written for the moment: check disk and network, and run it again."
    ),
    "input_changed": marked("Its files changed while they were read: run it again when they are complete."),
    "worker_lost": marked(
        "Every worker that tried it was lost, most likely for lack of memory: give more with --memory."
    ),
    "time_limit": marked("It took longer than --time-limit allows, and its worker was ended."),
}
_UNKNOWN = marked("It failed for an unknown reason: run it again.")


def failure_words(record: UnitRecord) -> str:
    """Why a case has no result, in one sentence; what a refusal said was written in English."""
    if record.sentence:
        return record.sentence
    if record.code.startswith("defect"):
        kind = record.code.partition(": ")[2] or "unknown"
        text = "Defect in LNStation ({kind}): the file defect.txt in the folder of the case says more."
        return say(text, kind=kind)
    return say(_SENTENCES.get(record.code, _UNKNOWN))


def choice_words(choice: SeriesChoice) -> str:
    """Why a series was taken or not, in words."""
    return words(Reason(choice.code, choice.facts))
