"""Where this checkout is."""

from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
LIBRARY = CHECKOUT / "components"
"""What is to be on Python's path for `import fleet_cluster`."""
