"""A sealer whose keys are names: what it seals says for whom, and only they open it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from fleet_cluster.fleet.secrets.age import SealError


def key_of(name: str) -> str:
    """A public key, as age's look."""
    letters = "".join(one if one in "023456789acdefghjklmnpqrstuvwxyz" else "q" for one in name)
    return f"age1{letters:q<58}"


@dataclass(frozen=True)
class FakeSealer:
    """A sealer in memory, of the machine of this name."""

    name: str = ""

    def public_key(self) -> str:
        return key_of(self.name) if self.name else ""

    def seal(self, value: bytes, public_keys: Iterable[str]) -> str:
        keys = sorted(public_keys)
        if not keys:
            raise SealError("there is no public key to seal it to")
        return json.dumps({"for": keys, "is": b64encode(value).decode()})

    def open(self, sealed: str) -> bytes:
        content = json.loads(sealed)
        if self.public_key() not in content["for"]:
            raise SealError("no identity matched any of the recipients")
        return b64decode(content["is"])
