"""Where the reference organs are: supplied masks, the image itself, surrogates."""

import LNStationLib.organs.words  # noqa: F401
