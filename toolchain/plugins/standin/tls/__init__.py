"""Stand-in for pulumi-tls: private keys and certificates."""

from collections.abc import Callable, Mapping

from ..resource import Resource
from ..values import Plain
from .certificates import CertRequest, LocallySignedCert, SelfSignedCert
from .private_key import PrivateKey

RESOURCES: list[Resource] = [PrivateKey(), CertRequest(), SelfSignedCert(), LocallySignedCert()]
INVOKES: Mapping[str, Callable[[Plain], Plain]] = {}
SETTINGS: Mapping[str, str] = {}
