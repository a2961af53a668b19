"""moto's server, whose instances are machines and whose image registry can be used.

Run as `python -m tests.aws.server FILE -H HOST -p PORT`; the file is JSON, the fields of a Land.
What a request does to an instance is done to its machine before the request is answered.
"""

import base64
import importlib
import ipaddress
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.aws.machines import Land, Machines

RESERVED = 4
"""EC2 keeps the first addresses of a subnet, and the last one."""


def main(arguments: list[str]) -> None:
    """Change moto, then let it serve."""
    land = Land(**json.loads(Path(arguments[0]).read_text()))
    give_addresses_once()
    give_elastic_addresses(ipaddress.IPv4Network(land.elastic))
    make_instances_real(Machines(land))
    name_registry(land)
    server: Any = importlib.import_module("moto.server")
    server.main(arguments[1:])


def give_addresses_once() -> None:
    """A network interface gets a free address; moto draws one, taken or reserved or neither."""
    interfaces: Any = importlib.import_module("moto.ec2.models.elastic_network_interfaces")
    left: dict[str, Iterator[ipaddress.IPv4Address]] = {}

    def next_address(cidr: str) -> str:
        if cidr not in left:
            left[cidr] = iter(list(ipaddress.IPv4Network(cidr))[RESERVED:-1])
        return str(next(left[cidr]))

    interfaces.random_private_ip = next_address


def give_elastic_addresses(network: ipaddress.IPv4Network) -> None:
    """Elastic addresses are of a network here; those that moto draws belong to strangers."""
    module: Any = importlib.import_module("moto.ec2.models.elastic_ip_addresses")
    left = iter(list(network)[RESERVED:-1])
    module.random_ip = lambda: str(next(left))


def make_instances_real(machines: Machines) -> None:
    """Each instance has a machine, from run to terminate."""
    module: Any = importlib.import_module("moto.ec2.models.instances")
    backend, instance = module.InstanceBackend, module.Instance
    run, start = backend.run_instances, instance.start
    stop, terminate = instance.stop, instance.terminate

    def run_instances(self: Any, *arguments: Any, **named: Any) -> Any:
        reservation = run(self, *arguments, **named)
        for one in reservation.instances:
            data = base64.b64decode(str(one.user_data or ""))
            at = [a.public_ip for a in self.addresses if a.eni and a.eni.id == one.nics[0].id]
            machines.boot(one.id, one.private_ip, next(iter(at), ""), data)
        return reservation

    def start_instance(self: Any) -> Any:
        machines.start(self.id, self.private_ip)
        return start(self)

    def stop_instance(self: Any) -> Any:
        machines.stop(self.id, self.private_ip)
        return stop(self)

    def terminate_instance(self: Any) -> Any:
        machines.remove(self.id, self.private_ip)
        return terminate(self)

    backend.run_instances = run_instances
    instance.start, instance.stop = start_instance, stop_instance
    instance.terminate = terminate_instance


def name_registry(land: Land) -> None:
    """Repositories are in a registry that is there, and the token is what it asks for."""
    models: Any = importlib.import_module("moto.ecr.models")
    responses: Any = importlib.import_module("moto.ecr.responses")
    answer: Any = importlib.import_module("moto.core.responses").ActionResult
    begin = models.Repository.__init__
    tell = responses.ECRResponse.get_authorization_token

    def repository(self: Any, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        self.uri = f"{land.registry}/{self.name}"

    def token(self: Any) -> Any:
        [data] = tell(self).result["authorizationData"]
        secret = base64.b64encode(f"AWS:{land.password}".encode()).decode()
        data |= {"authorizationToken": secret, "proxyEndpoint": f"https://{land.registry}"}
        return answer({"authorizationData": [data]})

    models.Repository.__init__ = repository
    responses.ECRResponse.get_authorization_token = token


if __name__ == "__main__":
    main(sys.argv[1:])
