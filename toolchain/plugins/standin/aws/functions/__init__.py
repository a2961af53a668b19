"""Functions of the package: what can be asked of AWS."""

from collections.abc import Mapping

from .asking import Function
from .ec2 import (
    ami,
    instance_type,
    instance_type_offerings,
    subnet,
    subnets,
    vpc,
)
from .ecr import authorization_token

BY_TOKEN: Mapping[str, Function] = {
    "aws:ec2/getAmi:getAmi": ami,
    "aws:ec2/getInstanceType:getInstanceType": instance_type,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": instance_type_offerings,
    "aws:ec2/getSubnet:getSubnet": subnet,
    "aws:ec2/getSubnets:getSubnets": subnets,
    "aws:ec2/getVpc:getVpc": vpc,
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": authorization_token,
}
