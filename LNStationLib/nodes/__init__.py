"""Where the nodes are, how large and how hot."""

import LNStationLib.nodes.words  # noqa: F401
