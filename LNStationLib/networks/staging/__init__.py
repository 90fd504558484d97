"""Networks of PET/CT: of the patches of stations, and of whole patients by all of them."""
