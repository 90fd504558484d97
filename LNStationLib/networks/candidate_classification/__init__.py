"""Networks that judge node candidates: a patch with its box, and tags, to one logit."""
