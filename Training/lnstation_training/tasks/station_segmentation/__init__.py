"""Stations from CT and organs: DeepStationing's station parsing (Guo et al. 2021)."""
