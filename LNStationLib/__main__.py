"""``python -m LNStationLib``: the command line."""

from LNStationLib.cli.app import main

if __name__ == "__main__":
    main()
