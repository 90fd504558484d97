"""``python -m lnstation_training``: the commands of ``python3 run.py train``."""

from lnstation_training.cli import main

if __name__ == "__main__":
    main()
