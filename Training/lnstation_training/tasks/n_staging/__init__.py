"""The N category of a lung tumor on PET/CT, end to end with weak labels (Engelson et al. 2026, TS 2 and TS 3)."""
