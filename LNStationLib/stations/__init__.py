"""Which voxel belongs to which lymph node station."""
