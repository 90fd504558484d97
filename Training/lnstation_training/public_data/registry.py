"""The recipes; a new one is a file in ``recipes`` and a line here."""

from __future__ import annotations

from lnstation_training.public_data.recipe import Recipe
from lnstation_training.public_data.recipes.acrin_nsclc_fdg_pet import ACRIN_NSCLC_FDG_PET
from lnstation_training.public_data.recipes.autopet import AUTOPET
from lnstation_training.public_data.recipes.ct_lymph_nodes import CT_LYMPH_NODES
from lnstation_training.public_data.recipes.fdg_pet_ct_lesions import FDG_PET_CT_LESIONS
from lnstation_training.public_data.recipes.lctsc import LCTSC
from lnstation_training.public_data.recipes.lnq2023 import LNQ2023
from lnstation_training.public_data.recipes.lung_pet_ct_dx import LUNG_PET_CT_DX
from lnstation_training.public_data.recipes.lynch_atlases import LYNCH_ATLASES
from lnstation_training.public_data.recipes.lynos import LYNOS
from lnstation_training.public_data.recipes.mediastinal_lymph_node_seg import MEDIASTINAL_LYMPH_NODE_SEG
from lnstation_training.public_data.recipes.nsclc_radiogenomics import NSCLC_RADIOGENOMICS
from lnstation_training.public_data.recipes.nsclc_radiomics import NSCLC_RADIOMICS
from LNStationLib.support.errors import InputError

RECIPES: tuple[Recipe, ...] = (
    CT_LYMPH_NODES,
    MEDIASTINAL_LYMPH_NODE_SEG,
    LYNOS,
    LNQ2023,
    LYNCH_ATLASES,
    LUNG_PET_CT_DX,
    FDG_PET_CT_LESIONS,
    AUTOPET,
    NSCLC_RADIOGENOMICS,
    ACRIN_NSCLC_FDG_PET,
    NSCLC_RADIOMICS,
    LCTSC,
)


def recipe_named(name: str) -> Recipe:
    """The recipe of a data set.

    Raises:
        InputError: There is none.
    """
    found = {recipe.facts.name: recipe for recipe in RECIPES}
    if name not in found:
        raise InputError(f"there is no recipe {name!r}: choose one of {', '.join(found)}.")
    return found[name]
