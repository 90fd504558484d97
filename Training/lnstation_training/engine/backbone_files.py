"""Weights of backbones that were trained elsewhere, such as torchvision's for ImageNet, as safetensors files."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from LNStationLib.support.errors import InputError

BACKBONE_SUFFIX = ".safetensors"
CLASSIFIERS = ("classifier", "fc", "_fc", "head")
"""How torchvision and its like name what tells their own classes apart."""


def read_backbone(path: Path) -> dict[str, Tensor]:
    """Weights of a backbone from a safetensors file.

    Raises:
        InputError: It is not such a file.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is not a safetensors file: make one with train backbone.") from error


def convert_backbone(source: Path, out: Path, drop: Sequence[str] = CLASSIFIERS) -> tuple[int, int]:
    """Turn a file of torch weights, such as one of torchvision's for ImageNet, into safetensors.

    Only numbers are loaded (``weights_only``): nothing in the file is executed.

    Args:
        source: A state dictionary, or a checkpoint that holds one as ``state_dict`` or ``model``.
        out: The file to write; its folder exists.
        drop: First parts of names that are left out: the classifier, which belongs to other classes.

    Returns:
        Numbers of weights that were kept and left out.

    Raises:
        InputError: The file is not one of weights, or holds more than numbers.
    """
    try:
        content = torch.load(source, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}.") from error
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise InputError(
            f"{source} is not a file of weights, or holds more than numbers, which is never loaded: give a state "
            "dictionary as torch.save writes it."
        ) from error
    weights = _by_name(source, content)
    kept = {name: value for name, value in weights.items() if name.partition(".")[0] not in drop}
    if not kept:
        raise InputError(f"{source} holds nothing but a classifier: give the weights of a whole network.")
    unfit = [name for name, value in kept.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if unfit:
        raise InputError(f"{source}: weight {unfit[0]} holds NaN or infinity: get the file again.")
    save_file({name: value.contiguous() for name, value in kept.items()}, out)
    return len(kept), len(weights) - len(kept)


def _by_name(source: Path, content: Any) -> dict[str, Tensor]:
    for key in ("state_dict", "model"):
        content = content[key] if isinstance(content, dict) and isinstance(content.get(key), dict) else content
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(f"{source} holds no weights by name: give a state dictionary as torch.save writes it.")
    return content
