"""What is to become of the ten unit files beside this module.

`tests/unit/fleet/unitfiles/test_ten_files.py` shows them to `fleetctl verify` and to systemd,
`tests/cluster/test_unit_files.py` starts them on machines.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
PORT = 7077
"""Where echo.socket listens."""

REFUSED = {
    "backslash.service": "backslash.service:5: '--signal' is no key that a line could begin with",
    "data.mount": "data.mount:3: Where=/srv/data is the path of srv-data.mount",
    "nightly.timer": "nightly.timer:5: Failed to parse calendar specification: every night",
    "quotes.service": 'quotes.service:3: ExecStart=/bin/sh -c "sleep infinity: a quote " is not',
}
"""What is said of those that are not accepted."""

WITH_A_WARNING = {"backslash.service", "nightly.timer"}
"""systemd loads these, without the line; so fleet refuses them."""

REMARKS = {
    "installed.service": [
        "installed.service:6: systemd has no Description= in [Service] and skips the line; it"
        " belongs into [Unit]",
        "installed.service:8: systemd has no Restrat= in [Service] and skips the line; did you"
        " mean Restart=?",
        "installed.service:10: [Install] has no effect: fleet starts units itself, and after each"
        " boot",
    ]
}
"""What is said of those that are accepted all the same."""

FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix not in (".py", ".pyc", ""))
ACCEPTED = [name for name in FILES if name not in REFUSED]
