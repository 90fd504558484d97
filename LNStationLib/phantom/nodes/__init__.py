"""Tumor, spread, nodes and look-alikes of a synthetic patient, and what imaging and surgery find of them."""
