"""Which voxel belongs to which lymph node station."""

import LNStationLib.stations.words  # noqa: F401
