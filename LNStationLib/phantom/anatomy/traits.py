"""Anatomical traits: what patients have and the audited cohorts do not, each by name with its frequency.

A cohort's own patients never have any; they are asked for by name, or drawn with the frequency that patients have or
with the one that suits training. How a trait looks is decided by its side, its amount and its seed; ``variants`` has
the shapes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

AnatomyTrait = Literal[
    "neck_vessels", "neck_muscles", "aortic_root", "spinal_veins", "pulmonary_vein_ostia", "pleural_effusion",
    "lobar_collapse", "raised_diaphragm", "pneumonectomy", "hiatal_hernia", "goiter", "scoliosis", "kyphosis",
    "right_arch", "aberrant_right_subclavian", "bovine_arch", "dilated_aorta", "elongated_aorta",
]  # fmt: skip
ANATOMY_TRAITS: tuple[AnatomyTrait, ...] = get_args(AnatomyTrait)
Odds = Literal["patients", "training"]
"""``patients``: as often as published; ``training``: rare traits often enough for a network to learn them."""


@dataclass(frozen=True)
class TraitRow:
    """What is known of one trait.

    Attributes:
        adds: What it changes, for the documents.
        patients: Part of patients who have it, 0 to 1; 1 for normal anatomy that the audited patients lack.
        training: Part of the patients of a training cohort.
        source: Where ``patients`` comes from.
        right: Part of those with it who have it on the right, where it has a side.
    """

    adds: str
    patients: float
    training: float
    source: str
    right: float = 0.5


TABLE: dict[AnatomyTrait, TraitRow] = {
    "neck_vessels": TraitRow(
        "carotids of 5.5 to 8 mm and jugulars of 6 to 18 mm that wind, lie apart and differ from side to side; "
        "subclavian arteries of other heights; external and anterior jugular, vertebral and thyroid veins, "
        "thyrocervical arteries",
        1.0, 0.8,
        "normal anatomy; carotids: Krejza et al., Stroke 2006 (inside 6.1 mm in women, 6.5 mm in men); unequal "
        "jugulars: Lichtenstein et al., Intensive Care Med 2001 (62.5 %, the right one larger in 68 % of them)",
        0.68,
    ),
    "neck_muscles": TraitRow(
        "sternocleidomastoid with both heads, scalene, levator scapulae, splenius, semispinalis, trapezius, strap"
        " and omohyoid muscles one by one with fat between, 0.75 to 1.3 times as thick as usual",
        1.0, 0.7, "normal anatomy",
    ),
    "aortic_root": TraitRow(
        "annulus of 22 to 27 mm, three sinuses of 30 to 40 mm, sinotubular junction, outflow tract; a left atrium"
        " that touches the root",
        1.0, 0.7, "normal anatomy; Roman et al., Am J Cardiol 1989",
    ),
    "spinal_veins": TraitRow(
        "azygos vein of 5 to 11 mm, from right of the spine to just left of the midline; hemiazygos and accessory"
        " hemiazygos veins with one to three crossings, intercostal veins, left superior intercostal vein",
        1.0, 0.7, "normal anatomy",
    ),
    "pulmonary_vein_ostia": TraitRow(
        "funnels at the four ostia; middle lobe, lingular, superior segment and basal veins; an ostium of its own"
        " for the middle lobe in 28 %",
        1.0, 0.7, "normal anatomy; variants: Marom et al., Radiology 2004",
    ),
    "pleural_effusion": TraitRow(
        "fluid of 5 to 25 HU behind and below one lung, in a third both; compressed lung beside it; large ones "
        "push the mediastinum by up to 22 mm",
        0.25, 0.25,
        "40 % with lung cancer (Porcel et al., Respirology 2015), fewer at early stages and with esophageal "
        "cancer: estimate",
    ),
    "lobar_collapse": TraitRow(
        "one lobe airless but for its bronchi, a fifth to a half of its size; displaced fissures, a diaphragm 5 to "
        "18 mm higher, mediastinum drawn over by 8 to 24 mm",
        0.05, 0.2, "estimate for cohorts with central lung cancer",
    ),
    "raised_diaphragm": TraitRow(
        "one dome 25 to 60 mm higher with the liver, or stomach and spleen, beneath it", 0.03, 0.12, "estimate", 0.4
    ),
    "pneumonectomy": TraitRow(
        "one lung removed, its space filled with fluid, in a third with air above; bronchus and vessels cut near "
        "the mediastinum, which lies 25 to 45 mm over; the other lung crosses the midline; no stations 10 and 11 "
        "there",
        0.003, 0.05, "estimate", 0.4,
    ),
    "hiatal_hernia": TraitRow(
        "part of the stomach, with gas and fluid, 3 to 8 cm wide in the hiatus behind the heart", 0.099, 0.15,
        "9.9 % of 3 200 subjects on CT: Kim et al., BMJ Open Gastroenterol 2021 (MESA)",
    ),
    "goiter": TraitRow(
        "nodular thyroid gland of 25 to 140 ml, in half of them down behind the manubrium; trachea and esophagus "
        "pushed aside, carotids and jugulars apart",
        0.04, 0.12,
        "about 4 % with nodules (Vander et al., Ann Intern Med 1968, Framingham); behind the sternum fewer "
        "(Katlic et al., Ann Thorac Surg 1985)",
    ),
    "scoliosis": TraitRow(
        "spine and back bent sideways by 8 to 26 mm and turned by up to 9 degrees; the sternum stays", 0.0885, 0.2,
        "8.85 % of adults over 40: Kebaish et al., Spine 2011", 0.7,
    ),
    "kyphosis": TraitRow(
        "mid-thoracic spine 12 to 24 mm further back", 0.2, 0.2,
        "20 to 40 % of older adults: Kado et al., Ann Intern Med 2007",
    ),
    "right_arch": TraitRow(
        "arch and descending aorta right of trachea and esophagus, with mirror-image branching or an aberrant "
        "left subclavian artery from a diverticulum behind the esophagus; no stations 5 and 6",
        0.001, 0.06, "0.05 to 0.1 %: Cina et al., J Vasc Surg 2004",
    ),
    "aberrant_right_subclavian": TraitRow(
        "right subclavian artery as the last branch, behind the esophagus", 0.007, 0.05,
        "0.7 %: Popieluszko et al., J Vasc Surg 2018",
    ),
    "bovine_arch": TraitRow(
        "left carotid artery from the trunk", 0.136, 0.15, "13.6 %: Popieluszko et al., J Vasc Surg 2018"
    ),
    "dilated_aorta": TraitRow(
        "ascending aorta 1.3 to 1.6 times as wide (40 to 50 mm)", 0.03, 0.12,
        "2.7 % on screening CT: Benedetti & Hope, J Comput Assist Tomogr 2015",
    ),
    "elongated_aorta": TraitRow("arch 8 to 16 mm higher, wider and more tortuous", 0.1, 0.15, "estimate"),
}  # fmt: skip
"""One row a trait, in the order of ``AnatomyTrait``."""
_EXCLUDE = (
    {"right_arch", "aberrant_right_subclavian", "bovine_arch"},
    {"pneumonectomy", "lobar_collapse"}, {"pneumonectomy", "pleural_effusion"}, {"pneumonectomy", "raised_diaphragm"},
    {"raised_diaphragm", "hiatal_hernia"}, {"right_arch", "elongated_aorta"}, {"right_arch", "dilated_aorta"},
)  # fmt: skip
"""Of each set a patient has one at most: they would use the same space."""


@dataclass(frozen=True)
class PresentTrait:
    """A trait as one patient has it.

    Attributes:
        name: Which.
        side: +1 for the patient's left, -1 for the right; of no meaning for traits without a side.
        amount: How pronounced, 0 to 1.
        seed: Decides its details.
    """

    name: AnatomyTrait
    side: Literal[-1, 1]
    amount: float
    seed: int

    def generator(self) -> np.random.Generator:
        """The generator of the trait's details, the same each time."""
        return np.random.default_rng(self.seed)

    def between(self, low: float, high: float) -> float:
        """The amount between two values."""
        return low + (high - low) * self.amount


def check_anatomy(names: Collection[str]) -> tuple[AnatomyTrait, ...]:
    """The traits in the order of ``ANATOMY_TRAITS``, each once.

    Raises:
        ValueError: A trait is unknown, or two exclude each other.
    """
    unknown = sorted(set(names) - set(ANATOMY_TRAITS))
    if unknown:
        raise ValueError(f"anatomical traits must be of {', '.join(ANATOMY_TRAITS)}, got {', '.join(unknown)}")
    for group in _EXCLUDE:
        both = [name for name in ANATOMY_TRAITS if name in group and name in names]
        if len(both) > 1:
            raise ValueError(f"anatomical traits must not hold both {both[0]} and {both[1]}")
    return tuple(name for name in ANATOMY_TRAITS if name in names)


def split_anatomy(names: Collection[str]) -> tuple[tuple[AnatomyTrait, ...], Odds | None]:
    """Named traits and the odds to draw others with, from a list that may hold either.

    Raises:
        ValueError: The list is contradictory, or holds something else.
    """
    odds = [name for name in get_args(Odds) if name in names]
    if odds and len(set(names)) > 1:
        raise ValueError(f"anatomical traits are either drawn ({odds[0]}) or named, not both")
    return check_anatomy([name for name in names if name not in odds]), odds[0] if odds else None


def draw_names(rng: np.random.Generator, odds: Odds) -> tuple[AnatomyTrait, ...]:
    """Draw which traits a patient has; always the same number of draws, the rarer of two that exclude each other."""
    chances = rng.random(len(TABLE))
    drawn = [n for n, chance in zip(TABLE, chances, strict=True) if chance < getattr(TABLE[n], odds)]
    for group in _EXCLUDE:
        rivals = sorted((name for name in drawn if name in group), key=lambda name: TABLE[name].patients)
        drawn = [name for name in drawn if name not in rivals[1:]]
    return check_anatomy(drawn)


def draw_present(rng: np.random.Generator, names: Sequence[AnatomyTrait]) -> tuple[PresentTrait, ...]:
    """Draw how a patient has traits; each trait's draws are the same whatever others there are."""
    sides, amounts = rng.random(len(TABLE)), rng.random(len(TABLE))
    seeds = rng.integers(2**31, size=len(TABLE))
    return tuple(
        PresentTrait(name, -1 if side < row.right else 1, float(amount), int(seed))
        for (name, row), side, amount, seed in zip(TABLE.items(), sides, amounts, seeds, strict=True)
        if name in names
    )


def table_markdown() -> str:
    """The table of traits as Markdown, for ``docs/phantom.md``."""
    rows = [
        "| `--anatomy` | what it adds | patients | training | source of the frequency |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| `{name}` | {row.adds} | {100 * row.patients:.3g} % | {100 * row.training:.3g} % | {row.source} |"
        for name, row in TABLE.items()
    ]
    return "\n".join(rows) + "\n"
