"""`aws.ec2.KeyPair`."""

from ...inputs import SdkType
from ...resource import names
from ...values import Plain
from .. import tags
from ..client import arn
from ..resource import AutoName
from ..shapes import given, shown
from .base import Ec2Resource, ec2, tags_for


class KeyPair(Ec2Resource):
    """A public SSH key under a name. Its id is the name."""

    token = "aws:ec2/keyPair:KeyPair"
    sdk = SdkType("pulumi_aws.ec2", "KeyPair")
    supported = {"": names("keyName publicKey tags")}
    named = AutoName("keyName", 255)
    replacing = names("keyName publicKey")
    gone = names("InvalidKeyPair.NotFound")

    def make(self, inputs: Plain) -> str:
        """Imports the key."""
        wanted = given(inputs, KeyName="keyName", PublicKeyMaterial="publicKey")
        ec2().import_key_pair(**wanted, **tags_for("key-pair", inputs))
        return inputs["keyName"]

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads all but the key itself, which AWS keeps to itself unless asked."""
        found = ec2().describe_key_pairs(KeyNames=[identity])["KeyPairs"][0]
        outputs = shown(
            found, keyName="KeyName", fingerprint="KeyFingerprint", keyPairId="KeyPairId",
            keyType="KeyType",
        )  # fmt: skip
        tagged = {"tagsAll": tags.from_pairs(found.get("Tags"))}
        return outputs | tagged | {"arn": arn("ec2", f"key-pair/{identity}")}

    def tag(self, identity: str, state: Plain, new: tags.Tags, gone: list[str]) -> None:
        """EC2 knows the key pair by another id."""
        tags.tag_ec2(state["keyPairId"], new, gone)

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it."""
        ec2().delete_key_pair(KeyName=identity)
