"""CT and PET of a synthetic patient."""
