"""Lines that ask fleet for a secret, and would get none."""

import pytest

from fleet_cluster.fleet.lint.credentials import check_credentials
from fleet_cluster.fleet.unitfiles.names import UnitFileError

FILE = "[Service]\nExecStart=/bin/web\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("LoadCredential=key:/run/fleet/credential", "write LoadCredential=key:/run/fleet/cred"),
        ("LoadCredentialEncrypted=key:/run/fleet/credentials", "write LoadCredential=key:"),
        ("LoadCredential=key-%i:/run/fleet/credentials", "specifiers"),
        ("LoadCredential=:/run/fleet/credentials", "cannot be a secret's name"),
        ("LoadCredential=key:%t/fleet/credentials", "write LoadCredential=key:/run/fleet/cred"),
        ("LoadCredential=key:/var/run/fleet/credentials", "write LoadCredential=key:/run"),
        ("LoadCredential=key://run/fleet/./credentials", "write LoadCredential=key:/run"),
        ("LoadCredential=../x:/run/fleet/credentials", "cannot be a secret's name"),
    ],
)
def test_such_a_line_is_refused_with_what_to_write(line: str, said: str) -> None:
    with pytest.raises(UnitFileError, match=said) as refused:
        check_credentials("web.service", f"{FILE}{line}\n")
    assert str(refused.value).startswith("web.service:3: ")


@pytest.mark.parametrize(
    "line",
    [
        "LoadCredential=key:/run/fleet/credentials",
        "LoadCredential=key:/etc/key",
        "LoadCredential=key",
        "LoadCredentialEncrypted=key:/etc/key",
    ],
)
def test_others_are_systemds_business(line: str) -> None:
    check_credentials("web.service", f"{FILE}{line}\n")
