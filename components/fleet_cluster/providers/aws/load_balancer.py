"""The load balancer of a cluster on AWS: an application load balancer."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi_command import local

from ..._lifecycle.drain_on_delete import DrainOnDelete
from ...machine import Machine
from .tags import tags

DRAIN_SECONDS = 35
"""As long as nginx has to finish its requests, `docker stop --time` of units/nginx.service."""
IDLE_SECONDS = 3600
"""Of silence, until a connection is cut: as long as nginx lets WebSockets and events be silent."""
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
"""What AWS recommends: TLS 1.3 and 1.2, and a key exchange that outlives quantum computers."""


class AwsLoadBalancerArgs(TypedDict):
    """Where it is, and what stands behind it."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    subnet_ids: pulumi.Input[list[str]]
    """Subnets in two zones at least."""
    security_group: pulumi.Input[str]
    """Who may talk to it."""
    machines: Sequence[Machine]
    """The machines; their ids are the instances'."""
    drains: Mapping[str, DrainOnDelete]
    """By machine: what drains it when it goes; it is deregistered before that."""
    certificate_arn: NotRequired[str]
    """A certificate of ACM: then it answers by HTTPS, and HTTP is redirected there."""
    drain_seconds: int
    """Seconds that requests under way get when a machine leaves, 0 to 3600."""
    tags: Mapping[str, str]
    """Tags of everything."""


class AwsLoadBalancer(pulumi.ComponentResource):
    """An ALB in front of port 80 of every machine that answers its health check."""

    hostname: pulumi.Output[str]
    """Its name in DNS."""
    url: pulumi.Output[str]
    """What to open."""

    def __init__(
        self, name: str, args: AwsLoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make it, its listeners, and a target for each machine."""
        super().__init__("fleet-cluster:index:AwsLoadBalancer", name, None, opts)
        self._args = args
        balancer = self._balancer(name)
        targets = self._targets(name)
        self._listeners(balancer, targets)
        for machine in args["machines"]:
            self._target(machine, targets)
        scheme = "https" if args.get("certificate_arn") else "http"
        self.hostname = balancer.dns_name
        self.url = pulumi.Output.concat(f"{scheme}://", balancer.dns_name)
        self.register_outputs({"hostname": self.hostname, "url": self.url})

    def _target(self, machine: Machine, targets: "aws.lb.TargetGroup") -> None:
        """A target that leaves is deregistered, then drained, and only then terminated.

        The plugin deregisters and goes on, so what lies between waits as long as AWS drains:
        deleted after the target, before the machine. With the whole load balancer nothing waits.
        """
        drain = self._args["drains"].get(machine["name"])
        drained = local.Command(
            f"{machine['name']}-drained",
            delete=f"sleep {self._args['drain_seconds']}",
            triggers=[machine["id"]],
            opts=pulumi.ResourceOptions(
                parent=self, deleted_with=targets, depends_on=[drain] if drain else []
            ),
        )
        target = aws.lb.TargetGroupAttachment(
            f"{machine['name']}-target",
            target_group_arn=targets.arn,
            target_id=machine["id"],
            port=80,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[drained]),
        )
        if drain:
            drain.ask_before(
                pulumi.ResourceOptions(parent=self, deleted_with=targets, depends_on=[target])
            )

    def _balancer(self, name: str) -> "aws.lb.LoadBalancer":
        return aws.lb.LoadBalancer(
            name,
            load_balancer_type="application",
            internal=False,
            subnets=self._args["subnet_ids"],
            security_groups=[self._args["security_group"]],
            drop_invalid_header_fields=True,
            idle_timeout=IDLE_SECONDS,
            tags=tags(name, self._args["tags"]),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _targets(self, name: str) -> "aws.lb.TargetGroup":
        return aws.lb.TargetGroup(
            "machines",
            port=80,
            protocol="HTTP",
            vpc_id=self._args["vpc_id"],
            deregistration_delay=self._args["drain_seconds"],
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                path="/",
                protocol="HTTP",
                interval=10,
                timeout=9,
                healthy_threshold=2,
                unhealthy_threshold=5,
                matcher="200",
            ),
            tags=tags(f"{name}-machines", self._args["tags"]),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _listeners(self, balancer: "aws.lb.LoadBalancer", targets: "aws.lb.TargetGroup") -> None:
        forward = aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)
        certificate = self._args.get("certificate_arn")
        self._listener("http", balancer, 80, redirect_to_https() if certificate else forward)
        if certificate:
            self._listener("https", balancer, 443, forward, certificate)

    def _listener(
        self,
        name: str,
        balancer: "aws.lb.LoadBalancer",
        port: int,
        action: "aws.lb.ListenerDefaultActionArgs",
        certificate: str | None = None,
    ) -> None:
        aws.lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=port,
            protocol="HTTPS" if certificate else "HTTP",
            ssl_policy=TLS_POLICY if certificate else None,
            certificate_arn=certificate,
            default_actions=[action],
            tags=tags(name, self._args["tags"]),
            opts=pulumi.ResourceOptions(parent=self),
        )


def redirect_to_https() -> "aws.lb.ListenerDefaultActionArgs":
    """What a listener of HTTP does where there is one of HTTPS."""
    to = aws.lb.ListenerDefaultActionRedirectArgs(
        port="443", protocol="HTTPS", status_code="HTTP_301"
    )
    return aws.lb.ListenerDefaultActionArgs(type="redirect", redirect=to)
