"""The answer's life: assess, re-assess, restore, review."""
