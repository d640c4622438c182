"""``python recorder job.json``: load the folder as a package of its own name, run the job."""

import importlib.util
import os
import sys
from typing import Any

NAME = "_tape_migrate_recorder"


def load() -> Any:
    """Import this folder under a name that no program of a user has."""
    here = os.path.dirname(os.path.abspath(__file__))
    # The folder itself must not shadow modules that the program imports.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = importlib.util.spec_from_file_location(
        NAME, os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )  # type: Any
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    return importlib.import_module(NAME + ".job")


if __name__ == "__main__":
    load().main(sys.argv[1])
