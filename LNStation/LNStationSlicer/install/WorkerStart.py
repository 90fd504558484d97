"""Run by the worker's interpreter, never imported in Slicer: sets the path, then runs a module of LNStationLib.

    python [-s -S] WorkerStart.py LIBRARY PACKAGES MODULE [ARGUMENTS...]
    python [-s -S] WorkerStart.py LIBRARY PACKAGES --check REQUIREMENTS...
    python [-s -S] WorkerStart.py LIBRARY PACKAGES --import MODULES...

``LIBRARY`` is the folder that holds LNStationLib. ``PACKAGES`` is the folder of the worker's own packages, or ``-``
for those that the interpreter has. With a folder, nothing else is found but the standard library and that folder:
Slicer's interpreter gets Slicer's packages through ``PYTHONPATH`` from its launcher, in front of whatever the caller
sets, and needs ``PYTHONHOME`` from it too, so neither a variable nor ``-I`` would do.

``--watched`` before ``LIBRARY`` ends the program when its standard input is closed, as it is when Slicer is gone.
``--check`` says which pinned packages are missing, of another version, or damaged, and ends with 1 where any is.
``--import`` imports modules, to see that they work.
"""

import importlib
import importlib.metadata
import os
import runpy
import sys
import sysconfig
import threading
from collections.abc import Sequence


def is_standard_library(entry: str) -> bool:
    """True where an entry of ``sys.path`` belongs to Python itself."""
    path = os.path.normcase(os.path.realpath(entry or os.getcwd()))
    name = os.path.basename(path)
    own = {os.path.dirname(os.__file__), *(sysconfig.get_path(key) for key in ("stdlib", "platstdlib"))}
    zipped = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    return path in {os.path.normcase(os.path.realpath(folder)) for folder in own} or name in (
        "lib-dynload",
        os.path.normcase("DLLs"),
        zipped,
    )


def set_path(library: str, packages: str) -> None:
    """Let Python find ``library`` and, where ``packages`` is a folder, that folder in place of any other packages."""
    # The first entry is the folder of this file, whose names are for Slicer.
    rest = sys.path[1:]
    if packages != "-":
        # After the standard library, so that no package takes the place of one of its modules.
        rest = [*(entry for entry in rest if is_standard_library(entry)), packages]
    sys.path[:] = [library, *rest]


def problems_of(pin: str, packages: str) -> list[str]:
    """What is wrong with one pinned package, as lines for people; none where it is whole."""
    name, _, version = pin.partition("==")
    places = sys.path if packages == "-" else [packages]
    wanted = name.replace("_", "-").replace(".", "-").lower()
    for found in importlib.metadata.distributions(path=places):
        if (found.metadata["Name"] or "").replace("_", "-").replace(".", "-").lower() == wanted:
            if found.version != version:
                return [f"{name}: {found.version} instead of {version}"]
            return [f"{name}: {file} is damaged" for file in found.files or () if is_damaged(file)]
    return [f"{name}: missing"]


def is_damaged(file: importlib.metadata.PackagePath) -> bool:
    """True where an installed file is gone or of another size than its package says."""
    if file.size is None or file.parts[0] == "..":  # scripts lie elsewhere and are never called
        return False
    try:
        return os.stat(file.locate()).st_size != file.size
    except OSError:
        return True


def check(packages: str, requirements: Sequence[str]) -> int:
    """Print what is wrong with the packages of the requirement files; return the exit code."""
    pins: list[str] = []
    for path in requirements:
        with open(path, encoding="utf-8") as file:
            pins += [line.split("#")[0].strip() for line in file]
    problems = [problem for pin in pins if pin for problem in problems_of(pin, packages)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def end_with_input() -> None:
    """End the program, from a thread, when the other end of its standard input is closed."""
    # The bare descriptor: a thread that waits in a buffered reader holds a lock that Python wants at its own end.
    while os.read(0, 1024):
        pass
    os._exit(3)


def main(library: str, packages: str, module: str, *arguments: str) -> int:
    """Set the path and do what was asked."""
    if library == "--watched":
        threading.Thread(target=end_with_input, daemon=True).start()
        return main(packages, module, *arguments)
    set_path(library, packages)
    if module == "--check":
        return check(packages, arguments)
    if module == "--import":
        for name in arguments:
            importlib.import_module(name)
        return 0
    sys.argv[:] = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
