"""Whether nodes and stations are metastatic."""

import LNStationLib.metastasis.words  # noqa: F401
