"""Lymph node stations, metastatic or not: a region of each station, one probability (SA-MoE, Li et al. 2025)."""
