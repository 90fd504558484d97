"""Vessels and chambers that each station cannot be distinguished from, and what follows if they are not known.

Stations are the tissue *beside* the great vessels. Contrast shows these in the image and masks show them anywhere; on
a CT without contrast and without masks they look like the nodes beside them. A vessel without which a station would
lie mostly in blood, or whose wall is the station's border, leaves the station out; one that only runs through the
station makes it doubtful. Read off the definitions of Rusch et al. 2009 and the CT atlas of Lynch et al. 2013.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from LNStationLib.stations import left_out
from LNStationLib.stations.iaslc_rules.borders import MissingAnatomyError
from LNStationLib.support.reason import Reason


@dataclass(frozen=True)
class Blood:
    """One vessel or chamber.

    Attributes:
        title: For use in sentences.
        masks: Organs of the table, any of which outlines it.
    """

    title: str
    masks: tuple[str, ...]


@dataclass(frozen=True)
class StationNeeds:
    """What has to be known of the blood around one station.

    Attributes:
        without_it_wrong: Left out where one of these is not known.
        without_it_doubtful: Kept where one of these is not known, with a warning that it may be inside.
    """

    without_it_wrong: tuple[Blood, ...] = ()
    without_it_doubtful: tuple[Blood, ...] = ()


AORTA = Blood("aorta", ("aorta", "ascending_aorta", "aortic_arch"))
DESCENDING_AORTA = Blood("descending aorta", ("aorta", "descending_aorta"))
HEART = Blood("heart", ("heart", "atrium_left"))
PULMONARY_ARTERY = Blood("pulmonary artery", ("pulmonary_artery", "pulmonary_artery_left", "pulmonary_artery_right"))
PULMONARY_VEINS = Blood("pulmonary veins", ("pulmonary_vein",))
SUPERIOR_VENA_CAVA = Blood("superior vena cava", ("superior_vena_cava",))
LEFT_BRACHIOCEPHALIC_VEIN = Blood("left brachiocephalic vein", ("brachiocephalic_vein_left",))
RIGHT_BRACHIOCEPHALIC_VEIN = Blood("right brachiocephalic vein", ("brachiocephalic_vein_right",))
BRACHIOCEPHALIC_TRUNK = Blood("brachiocephalic trunk", ("brachiocephalic_trunk",))
LEFT_CAROTID = Blood("left common carotid artery", ("common_carotid_artery_left",))
RIGHT_CAROTID = Blood("right common carotid artery", ("common_carotid_artery_right",))
LEFT_SUBCLAVIAN = Blood("left subclavian artery", ("subclavian_artery_left",))
LEFT_JUGULAR = Blood("left internal jugular vein", ("internal_jugular_vein_left",))
RIGHT_JUGULAR = Blood("right internal jugular vein", ("internal_jugular_vein_right",))

# 1: carotid sheath on each side; its muscles and vessels are partly told by their length (`muscles.py`).
# 2: its front is the front of the vessels, of which the aorta with its trunk is the least that places it.
# 3A: nothing but the aorta's front keeps it out of the aorta; the left brachiocephalic vein crosses it.
# 4R, 4L: behind the ascending aorta, the arch and the cava.
# 5: between aorta and pulmonary artery, that is, bounded by blood on all but one side; 6: a layer on the aorta.
# 7: roof of the left atrium below, right pulmonary artery in front.
# 8, 9: left atrium in front, descending aorta behind.
# 10, 11: the hilar arteries lie on the bronchi, within the reach that defines these stations.
_OF_HILUM = StationNeeds((PULMONARY_ARTERY,), (PULMONARY_VEINS,))
NEEDS: Mapping[str, StationNeeds] = {
    "1R": StationNeeds((), (RIGHT_CAROTID, RIGHT_JUGULAR)),
    "1L": StationNeeds((), (LEFT_CAROTID, LEFT_JUGULAR)),
    "2R": StationNeeds((AORTA,), (BRACHIOCEPHALIC_TRUNK, RIGHT_BRACHIOCEPHALIC_VEIN)),
    "2L": StationNeeds((AORTA,), (LEFT_CAROTID, LEFT_SUBCLAVIAN, LEFT_BRACHIOCEPHALIC_VEIN)),
    "3A": StationNeeds((AORTA,), (SUPERIOR_VENA_CAVA, LEFT_BRACHIOCEPHALIC_VEIN)),
    # Without the aorta its walls close in on the trachea: see the rule.
    "3P": StationNeeds(),
    "4R": StationNeeds((AORTA,), (SUPERIOR_VENA_CAVA,)),
    "4L": StationNeeds((AORTA, PULMONARY_ARTERY)),
    "5": StationNeeds((AORTA, PULMONARY_ARTERY)),
    "6": StationNeeds((AORTA,), (LEFT_BRACHIOCEPHALIC_VEIN,)),
    "7": StationNeeds((HEART,), (PULMONARY_ARTERY,)),
    "8": StationNeeds((HEART, DESCENDING_AORTA)),
    "9": StationNeeds((HEART, DESCENDING_AORTA), (PULMONARY_VEINS,)),
    "10R": _OF_HILUM,
    "10L": _OF_HILUM,
    "11R": _OF_HILUM,
    "11L": _OF_HILUM,
}
"""Every station of the table to its needs."""


def check_needs(station: str, knows: Callable[[Blood], bool]) -> tuple[Reason, ...]:
    """Check what is known of the blood around a station.

    Args:
        station: Its name.
        knows: Whether a vessel is known in this patient.

    Returns:
        Why the station is doubtful; empty where it is not.

    Raises:
        MissingAnatomyError: It would be wrong.
    """
    needs = NEEDS[station]
    wrong = [blood.title for blood in needs.without_it_wrong if not knows(blood)]
    if wrong:
        raise MissingAnatomyError(left_out.indistinguishable_from(wrong))
    doubtful = [blood.title for blood in needs.without_it_doubtful if not knows(blood)]
    return (left_out.may_hold(doubtful),) if doubtful else ()
