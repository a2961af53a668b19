"""Where this checkout is."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
LIBRARY = CHECKOUT / "components"
"""What is to be on Python's path for `import fleet_cluster`."""
PYTHONPATH = f"{CHECKOUT}{os.pathsep}{LIBRARY}"
"""For `python -m tests.PACKAGE` and what it imports."""
