"""Stand-in for pulumi-aws: machines, their networks, load balancers, roles, image repositories."""

from collections.abc import Callable, Mapping

from ..resource import Resource
from ..values import Plain
from .ec2.eip import Eip
from .ec2.instance import Instance
from .ec2.key_pair import KeyPair
from .ec2.network_interface import NetworkInterface
from .ec2.security_group import EgressRule, IngressRule, SecurityGroup
from .ecr import LifecyclePolicy, Repository
from .functions import BY_TOKEN
from .iam import InstanceProfile, Role, RolePolicy, RolePolicyAttachment
from .lb.listener import Listener
from .lb.load_balancer import LoadBalancer
from .lb.target_group import TargetGroup, TargetGroupAttachment

RESOURCES: list[Resource] = [
    Eip(), Instance(), KeyPair(), NetworkInterface(), SecurityGroup(), IngressRule(), EgressRule(),
    LoadBalancer(), TargetGroup(), TargetGroupAttachment(), Listener(),
    Role(), RolePolicy(), RolePolicyAttachment(), InstanceProfile(),
    Repository(), LifecyclePolicy(),
]  # fmt: skip
INVOKES: Mapping[str, Callable[[Plain], Plain]] = BY_TOKEN
