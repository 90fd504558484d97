"""Images in and out: reading, checking, grids, PET to SUV."""

import LNStationLib.imaging.words  # noqa: F401
