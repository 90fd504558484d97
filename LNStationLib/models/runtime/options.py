"""Options that every method with a model package offers alike: where its networks run, and by what."""

from __future__ import annotations

from typing import Any

from LNStationLib.state.method import option


def device_option() -> Any:
    """Field for the device; flags that methods share are set together."""
    return option(
        "auto",
        "Where networks run: auto, cpu, cuda, cuda:1 or mps.",
        title="Device",
        flag="--device",
        width="expert",
    )


def engine_option() -> Any:
    """Field for the engine on a CPU."""
    return option(
        "auto",
        "Engine for networks on a CPU. auto: OpenVINO where installed and worth it, else torch.",
        title="CPU engine",
        flag="--engine",
        width="expert",
        choice_titles={"auto": "Automatic", "torch": "PyTorch", "openvino": "OpenVINO"},
    )


def flip_averaging_option() -> Any:
    """Field for averaging a prediction with that for the mirror image."""
    return option(
        False,
        "Average the prediction with that for the mirror image.",
        title="Average with the mirror image",
        flag="--flip-averaging",
        width="expert",
    )


def operating_point_option() -> Any:
    """Field for the operating point of a package that gives probabilities."""
    return option(
        None,
        "Of the model package; `models show` lists them. By default its first.",
        title="Operating point",
        flag="--operating-point",
    )
