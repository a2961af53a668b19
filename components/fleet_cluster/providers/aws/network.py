"""The part of a VPC that a cluster lives in: subnets, and who may talk to whom."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from .lookup import refused
from .subnets import check_subnets, default_subnets, zones_with
from .tags import tags

SSH = (22, 22)
HTTP = (80, 80)
HTTPS = (443, 443)
ETCD = (2379, 2380)
ANYWHERE = "0.0.0.0/0"
CIDRS = "CIDRs like 203.0.113.7/32, each once"
"""AWS takes no address without its length, though Python does."""


class AwsNetworkArgs(TypedDict):
    """Where, and who may come in."""

    vpc_id: NotRequired[str]
    """The VPC; the region's default one if not given."""
    subnet_ids: NotRequired[Sequence[str]]
    """Its subnets, in different zones; the default ones if not given."""
    instance_type: str
    """The machines' type: zones that do not offer it are not used."""
    ssh_from: Sequence[str]
    """CIDRs that may reach the machines' SSH."""
    first_app_port: int
    """The first port of the app's instances; these are open between machines."""
    last_app_port: int
    """The last one."""
    https: bool
    """Whether the load balancer answers on 443 too."""
    tags: Mapping[str, str]
    """Tags of everything."""


class AwsNetwork(pulumi.ComponentResource):
    """Two security groups in a VPC: the load balancer's and the machines'."""

    vpc_id: pulumi.Output[str]
    """The VPC."""
    subnet_ids: pulumi.Output[list[str]]
    """The subnets, in a fixed order."""
    machines: pulumi.Output[str]
    """The machines' security group."""
    load_balancer: pulumi.Output[str]
    """The load balancer's security group."""

    def __init__(
        self, name: str, args: AwsNetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Look the VPC up; make the groups and their rules."""
        super().__init__("fleet-cluster:index:AwsNetwork", name, None, opts)
        self._args = args
        wanted = _vpc(args)
        machines = self._group(f"{name}-machines", "Machines of the cluster", wanted)
        balancer = self._group(f"{name}-load-balancer", "Load balancer of the cluster", wanted)
        self.vpc_id = pulumi.Output.all(machines.vpc_id, wanted).apply(_still_there)
        self.subnet_ids = _subnets(args, self.vpc_id)
        self.machines = machines.id
        self.load_balancer = balancer.id
        self._rules_of_machines()
        self._rules_of_load_balancer()
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "subnet_ids": self.subnet_ids,
                "machines": self.machines,
                "load_balancer": self.load_balancer,
            }
        )

    def let_machines_reach(self, name: str, port: int) -> None:
        """Let machines of the cluster reach a port of each other, for what `name` says."""
        self._from_group(f"{name}-inside", self.machines, (port, port), self.machines)

    def _rules_of_machines(self) -> None:
        for cidr in self._args["ssh_from"]:
            self._from_cidr(f"ssh-from-{cidr}", self.machines, SSH, cidr)
        self._from_group("http-from-load-balancer", self.machines, HTTP, self.load_balancer)
        self._from_group("etcd-inside", self.machines, ETCD, self.machines)
        app = (self._args["first_app_port"], self._args["last_app_port"])
        self._from_group("app-inside", self.machines, app, self.machines)
        self._from_group("ssh-inside", self.machines, SSH, self.machines)
        aws.vpc.SecurityGroupEgressRule(
            "machines-out",
            security_group_id=self.machines,
            ip_protocol="-1",
            cidr_ipv4=ANYWHERE,
            tags=tags("machines-out", self._args["tags"]),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _rules_of_load_balancer(self) -> None:
        ports = [HTTP, HTTPS] if self._args["https"] else [HTTP]
        for first, last in ports:
            self._from_cidr(f"world-{first}", self.load_balancer, (first, last), ANYWHERE)
        aws.vpc.SecurityGroupEgressRule(
            "load-balancer-out",
            security_group_id=self.load_balancer,
            ip_protocol="tcp",
            from_port=HTTP[0],
            to_port=HTTP[1],
            referenced_security_group_id=self.machines,
            tags=tags("load-balancer-out", self._args["tags"]),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _group(
        self, name: str, description: str, vpc: pulumi.Input[str]
    ) -> "aws.ec2.SecurityGroup":
        """It stays where it was made, and so tells where the cluster is."""
        return aws.ec2.SecurityGroup(
            name,
            description=description,
            vpc_id=vpc,
            # The two groups name each other in their rules.
            revoke_rules_on_delete=True,
            tags=tags(name, self._args["tags"]),
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["vpcId"]),
        )

    def _from_cidr(
        self, name: str, group: pulumi.Input[str], ports: tuple[int, int], cidr: str
    ) -> None:
        version6 = ":" in cidr
        aws.vpc.SecurityGroupIngressRule(
            name,
            security_group_id=group,
            ip_protocol="tcp",
            from_port=ports[0],
            to_port=ports[1],
            cidr_ipv4=None if version6 else cidr,
            cidr_ipv6=cidr if version6 else None,
            tags=tags(name, self._args["tags"]),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _from_group(
        self,
        name: str,
        group: pulumi.Input[str],
        ports: tuple[int, int],
        source: pulumi.Input[str],
    ) -> None:
        aws.vpc.SecurityGroupIngressRule(
            name,
            security_group_id=group,
            ip_protocol="tcp",
            from_port=ports[0],
            to_port=ports[1],
            referenced_security_group_id=source,
            tags=tags(name, self._args["tags"]),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _vpc(args: AwsNetworkArgs) -> pulumi.Output[str]:
    given = args.get("vpc_id")
    if given:
        return pulumi.Output.from_input(given)
    return aws.ec2.get_vpc_output(default=True).apply(lambda vpc: vpc.id)


def _subnets(args: AwsNetworkArgs, vpc: pulumi.Output[str]) -> pulumi.Output[list[str]]:
    zones = zones_with(args["instance_type"])
    given = args.get("subnet_ids")
    if not given:
        return default_subnets(vpc, zones)
    check_subnets(args.get("vpc_id", ""), given, zones)
    return vpc.apply(lambda _: list(given))


def _still_there(vpcs: Sequence[str]) -> str:
    """Machines cannot move between VPCs, nor a load balancer: refused before anything tries.

    Raises:
        InputError: the cluster is in another VPC.
    """
    where, wanted = vpcs
    if where != wanted:
        raise refused(
            "vpc_id",
            wanted,
            f"{where}, where this stack's cluster is (another VPC is for another stack)",
        )
    return where


def check_ssh_from(cidrs: Sequence[str], anywhere: bool) -> None:
    """See from where SSH is allowed; the whole world only if that was said twice.

    Raises:
        InputError: an entry is no CIDR, or is the whole world.
    """
    for number, cidr in enumerate(cidrs):
        name = f"ssh_from[{number}]"
        try:
            world = ipaddress.ip_network(cidr).prefixlen == 0
        except ValueError as error:
            raise refused(name, cidr, CIDRS) from error
        if "/" not in cidr or cidr in cidrs[:number]:
            raise refused(name, cidr, CIDRS)
        if world and not anywhere:
            raise refused(name, cidr, "the whole world only with ssh_from_anywhere")
