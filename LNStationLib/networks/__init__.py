"""Networks: torch modules from tensors to tensors; no files, no images, no medical tables.

Importing this package costs nothing; ``registry`` lists the networks by name and imports torch when one is built.
"""
