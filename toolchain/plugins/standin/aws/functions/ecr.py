"""Credentials for pushing and pulling images, valid for twelve hours."""

import base64

from ...values import Plain, Secret
from ..client import client
from ..shapes import given
from .asking import asked, function


@function("registryId")
def authorization_token(arguments: Plain) -> Plain:
    """Returns credentials for the account's registry."""
    chosen = given({"ids": [arguments.get("registryId")]}, registryIds="ids")
    parameters = chosen if arguments.get("registryId") else {}
    found = client("ecr").get_authorization_token(**parameters)["authorizationData"][0]
    token: str = found["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    outputs = {
        "id": client("ecr").meta.region_name,
        "authorizationToken": Secret(token),
        "expiresAt": found["expiresAt"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "password": Secret(password),
        "proxyEndpoint": found["proxyEndpoint"],
        "userName": user,
    }
    return asked(arguments, outputs)
