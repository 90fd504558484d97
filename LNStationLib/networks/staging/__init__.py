"""Networks that stage a patient."""
