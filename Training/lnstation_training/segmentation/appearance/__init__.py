"""Appearance and shape of synthetic patients, drawn for every patch, after SynthSeg (Billot et al. 2023).

One file a kind: ``shape``, ``tissue``, ``blood``, ``fat``, ``lungs``, ``tumor``, ``devices``, ``surroundings`` and
``scanner``. Each change is a MONAI transform with a name; ``registry`` lists them in the order of nature: how the
body attenuates, what is in it, what surrounds it, and at last the scanner.
"""
