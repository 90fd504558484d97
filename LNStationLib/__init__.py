"""Runtime library of LNStation: what is computed for one case.

Never imports slicer, qt or ctk, nor anything of the training library.
Research use only; not a medical device.
"""

__version__ = "0.1.0"
