"""JSON files that a model of pydantic describes."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from LNStationLib.support.errors import InputError
from LNStationLib.support.json_text import parse_json
from LNStationLib.support.sentences import quoted

Model = TypeVar("Model", bound=BaseModel)


def read_model(path: Path, model: type[Model], what: str) -> Model:
    """Read and check a file.

    Args:
        path: The file.
        model: What it must hold.
        what: How messages call it.

    Raises:
        InputError: It is missing, no JSON, or not valid; the message quotes nothing of it.
    """
    try:
        return model.model_validate(parse_json(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise InputError(f"{what}: {path.name} is missing; give one that LNStation has written.") from error
    except ValidationError as error:
        where = (
            quoted(".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))) or "content"
        )
        raise InputError(
            f"{what}: {path.name} is not valid at {where}; give one that LNStation has written."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{what}: {path.name} cannot be read as JSON; give one that LNStation has written."
        ) from error
