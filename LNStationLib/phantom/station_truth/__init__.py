"""The true stations of a synthetic patient, and a model of how annotators differ from it.

Independent of ``LNStationLib.stations``: borders come from the splines and radii that the patient is made of, the
readings of the definitions are stated in ``borders`` and ``definitions``, and no code or number is shared.
"""

from LNStationLib.phantom.station_truth.annotator import annotator
from LNStationLib.phantom.station_truth.truth import is_mirrored, mirror_labels, station_labels, station_truth

__all__ = ["annotator", "is_mirrored", "mirror_labels", "station_labels", "station_truth"]
