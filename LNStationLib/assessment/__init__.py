"""Assess, re-assess, restore and review a case."""
