"""What describes a case before its images are read: the command line's request and ``case.json``."""

import LNStationLib.case.words  # noqa: F401
