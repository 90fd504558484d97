"""How a faulty input ended, and what of that is a defect."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from LNStationLib.support.errors import InputError
from LNStationLib.support.scarcity import remedy

Outcome = Literal["accepted", "refused", "traceback", "memory", "hang", "crash", "wrote outside", "pickle", "noise"]

DEFECTS: tuple[Outcome, ...] = ("traceback", "memory", "hang", "crash", "wrote outside", "pickle", "noise")
"""All that is neither a result nor one sentence. ``memory``: a small file made the reader ask for all there is;
``noise``: something was printed past the sentence, where it could quote the file."""

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SENTENCE_CHARACTERS = 2000
"""A refusal that lists faults, or the series of a folder, is still read; a dump of the input is not."""


@dataclass(frozen=True)
class Ended:
    """How one input ended.

    Attributes:
        kind: Of the input.
        seed: With the kind it decides everything.
        what: Was changed.
        outcome: See ``Outcome``.
        said: The refusal's sentence, or where the defect lies.
        seconds: Wall time.
    """

    kind: str
    seed: int
    what: str
    outcome: Outcome
    said: str
    seconds: float

    @property
    def replay(self) -> str:
        """The command line that makes it again."""
        return f"python -m Testing.Faults replay {self.kind} {self.seed}"


def of_exception(error: BaseException, refusals: Sequence[type[BaseException]]) -> tuple[Outcome, str]:
    """What an exception means to a user.

    Args:
        error: As it left the reader.
        refusals: Exceptions whose text reaches the user as it is, and may be a list of faults, one a line.
    """
    if isinstance(error, MemoryError) or "bad_alloc" in str(error) or "allocate memory" in str(error):
        return "memory", f"{place(error)}: {type(error).__name__}"
    if isinstance(error, OSError) and (told := remedy(error)) is not None:
        return "refused", told  # as the edge of the command line tells it
    if not isinstance(error, (InputError, *refusals)):
        return "traceback", f"{place(error)}: {type(error).__name__}: {str(error)[:160]}"
    text = str(error)
    is_list = isinstance(error, tuple(refusals))
    if ("\n" in text.strip() and not is_list) or not 8 <= len(text) <= LONGEST_SENTENCE_CHARACTERS:
        return "traceback", f"{place(error)}: not a sentence ({len(text)} characters): {text[:160]!r}"
    return "refused", text


def place(error: BaseException) -> str:
    """File, line and function of the project's last frame of a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if is_ours(frame.filename)]
    if not ours:
        return "nowhere of ours"
    last = ours[-1]
    return f"{Path(last.filename).relative_to(ROOT)}:{last.lineno} {last.name}"


def is_ours(file: str) -> bool:
    """Whether a source file is the project's, faults apart."""
    path = Path(file)
    return path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / ".venv") and "Faults" not in path.parts
