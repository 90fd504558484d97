"""Many cases: one case is one resumable unit; Dask spreads them over processes and machines."""
