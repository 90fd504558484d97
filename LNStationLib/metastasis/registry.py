"""Station classifiers by the name that settings give."""

from __future__ import annotations

from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_call import StationClassifier


def station_classifier(settings: Settings) -> StationClassifier:
    """The classifier that settings name; a network is loaded, or found warm, here, so that what lacks shows early.

    Raises:
        PackageError: The model package cannot be used.
        InputError: torch is not installed, the device is not there, or the package does not have the operating point.
    """
    if settings.metastasis == "clinical_criteria":
        return ClinicalCriteria()
    # Imported here: model packages and networks concern only those who use them.
    from LNStationLib.metastasis.sa_moe import sa_moe_classifier

    return sa_moe_classifier(settings)
