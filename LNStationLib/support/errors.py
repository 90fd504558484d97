"""The errors callers must tell apart; everything else is a defect."""


class InputError(ValueError):
    """The input cannot be used; the message is one sentence for the user, naming the file and the remedy."""


class GeometryError(InputError):
    """An image's grid is unusable, or two images that must overlap do not."""


class OutputError(InputError):
    """The output folder cannot take the results."""


class CancelledError(Exception):
    """The user cancelled; nothing was written."""
