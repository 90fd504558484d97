"""Images in and out: reading, checking, grids, PET to SUV."""
