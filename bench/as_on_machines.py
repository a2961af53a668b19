"""A module of fleet's software run as on machines: `python -m bench.as_on_machines MODULE WORD...`.

The library imports Pulumi, which machines have not: it is not to count here.
"""

import runpy
import sys
from importlib.machinery import PathFinder
from types import ModuleType


def leave_out_pulumi() -> None:
    """Have `fleet_cluster` be a package of which nothing is imported but what is asked for."""
    found = PathFinder.find_spec("fleet_cluster")
    assert found and found.submodule_search_locations, "fleet_cluster is not on PYTHONPATH"
    bare = ModuleType("fleet_cluster")
    bare.__path__ = list(found.submodule_search_locations)
    sys.modules["fleet_cluster"] = bare


def main() -> None:
    """Run the module that is named, with the words that follow."""
    del sys.argv[0]
    leave_out_pulumi()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
