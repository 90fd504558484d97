"""The commands of ``python3 run.py train``."""

from lnstation_training.cli.app import app, main

__all__ = ["app", "main"]
