"""Studies of a DICOM root: an index of its files, and which series of a study are its CT and its PET."""

import LNStationLib.batch.studies.words  # noqa: F401
