"""The table of what systemd knows is that of the systemd whose version it names."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.unitfiles import directives
from toolchain.directives import SYSTEMD, module, version


@pytest.mark.skipif(
    not SYSTEMD.exists() or version() != directives.VERSION,
    reason=f"no systemd {directives.VERSION} here",
)
def test_the_table_is_what_systemd_says_of_itself() -> None:
    assert Path(directives.__file__).read_text() == module()
