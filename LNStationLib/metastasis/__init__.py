"""Whether nodes and stations are metastatic."""
