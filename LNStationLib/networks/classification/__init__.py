"""Networks that give one logit for each region."""
