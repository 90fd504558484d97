"""Networks: torch modules from tensors to tensors; no files, no images, no medical tables.

They lie in a room by kind (``classification``, ``segmentation``); what kinds share lies beside the rooms. Importing
this package costs nothing; ``registry`` lists the networks by name and imports torch when one is built.
"""
