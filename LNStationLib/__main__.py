"""``python -m LNStationLib``: the command line."""

from LNStationLib.cli import main

if __name__ == "__main__":
    main()
