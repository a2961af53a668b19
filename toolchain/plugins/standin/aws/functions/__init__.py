"""Functions of the package: what can be asked of AWS, and policies put together."""

from collections.abc import Mapping

from .asking import Function
from .ec2 import (
    ami,
    availability_zones,
    instance_type,
    instance_type_offering,
    instance_type_offerings,
    subnet,
    subnets,
    vpc,
)
from .ecr import authorization_token, credentials
from .policy_document import policy_document
from .who import caller_identity, region

BY_TOKEN: Mapping[str, Function] = {
    "aws:ec2/getAmi:getAmi": ami,
    "aws:ec2/getInstanceType:getInstanceType": instance_type,
    "aws:ec2/getInstanceTypeOffering:getInstanceTypeOffering": instance_type_offering,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": instance_type_offerings,
    "aws:ec2/getSubnet:getSubnet": subnet,
    "aws:ec2/getSubnets:getSubnets": subnets,
    "aws:ec2/getVpc:getVpc": vpc,
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": authorization_token,
    "aws:ecr/getCredentials:getCredentials": credentials,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document,
    "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
    "aws:index/getRegion:getRegion": region,
}
