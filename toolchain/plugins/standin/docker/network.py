"""`docker.Network`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from docker.types import IPAMConfig, IPAMPool

from ..inputs import SdkType, Supported
from ..resource import Context, Resource, names
from ..values import Plain
from .engine import api, errors, labels, or_none


class Network(Resource):
    """A network of containers; any change of its inputs makes another one."""

    token = "docker:index/network:Network"
    sdk = SdkType("pulumi_docker", "Network")
    supported: ClassVar[Supported] = {
        "": names("attachable driver internal ipamConfigs ipamDriver ipv6 labels name options"),
        "ipamConfigs": names("auxAddress gateway ipRange subnet"),
    }
    defaults: ClassVar[Mapping[str, Any]] = {"ipamDriver": "default"}
    autonamed = True
    computed = names("attachable driver internal ipamConfigs ipv6 options")

    def replaces(self, name: str) -> bool:
        """A network cannot change; even its labels replace it."""
        return True

    def same(self, name: str, old: Plain, new: Plain) -> bool:
        """Compares subnets by what was asked: the engine adds a gateway of its own."""
        had, wants = old[name], new[name]
        if name == "ipamConfigs" and len(had) == len(wants):
            return all(w.items() <= h.items() for h, w in zip(had, wants, strict=True))
        return had == wants

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Creates the network. Its id is the engine's."""
        with errors(f"Cannot create the network {inputs['name']}"):
            created = api().create_network(
                name=inputs["name"],
                driver=inputs.get("driver", "bridge"),
                options=inputs.get("options"),
                ipam=_ipam(inputs),
                check_duplicate=True,
                internal=inputs.get("internal", False),
                labels=labels(inputs.get("labels")),
                enable_ipv6=inputs.get("ipv6", False),
                attachable=inputs.get("attachable"),
            )
            return created["Id"], outputs(api().inspect_network(created["Id"]))

    def read(self, context: Context, identity: str, state: Plain) -> Plain | None:
        """Reads the network back."""
        with errors(f"Cannot inspect the network {state['name']}"):
            found = or_none(lambda: api().inspect_network(identity))
        return None if found is None else outputs(found)

    def delete(self, context: Context, identity: str, state: Plain) -> None:
        """Removes the network, if it is still there."""
        with errors(f"Cannot remove the network {state['name']}"):
            or_none(lambda: api().remove_network(identity))


def _ipam(inputs: Plain) -> IPAMConfig | None:
    configs = inputs.get("ipamConfigs")
    if not configs:
        return None
    pools = [
        IPAMPool(
            subnet=config.get("subnet"),
            iprange=config.get("ipRange"),
            gateway=config.get("gateway"),
            aux_addresses=config.get("auxAddress"),
        )
        for config in configs
    ]
    return IPAMConfig(driver=inputs["ipamDriver"], pool_configs=pools)


def outputs(found: Any) -> Plain:
    """Returns what the engine says of a network, as outputs."""
    ipam: list[Plain] = found["IPAM"]["Config"] or []
    fields = {"Subnet": "subnet", "Gateway": "gateway", "IPRange": "ipRange",
              "AuxiliaryAddresses": "auxAddress"}  # fmt: skip
    return {
        "name": found["Name"],
        "driver": found["Driver"],
        "internal": found["Internal"],
        "attachable": found["Attachable"],
        "ipv6": found["EnableIPv6"],
        "scope": found["Scope"],
        "options": found.get("Options") or {},
        "ipamConfigs": [{w: pool[n] for n, w in fields.items() if pool.get(n)} for pool in ipam],
    }
