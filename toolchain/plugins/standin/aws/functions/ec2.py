"""Questions to EC2: images, networks, types of instances."""

import re

from ...values import Plain
from .. import tags
from ..client import arn, client
from ..ec2.base import attribute, ec2
from ..shapes import given, shown
from .asking import asked, filters, function, only, pages


@function("executableUsers filters includeDeprecated mostRecent nameRegex owners tags")
def ami(arguments: Plain) -> Plain:
    """Finds an image; the newest if several match and that was asked."""
    parameters = given(
        arguments, ExecutableUsers="executableUsers", IncludeDeprecated="includeDeprecated",
        Owners="owners",
    )  # fmt: skip
    found = ec2().describe_images(**parameters, **filters(arguments))["Images"]
    pattern = arguments.get("nameRegex")
    if pattern:
        found = [image for image in found if re.search(pattern, image.get("Name", ""))]
    if arguments.get("mostRecent"):
        found = sorted(found, key=lambda image: image["CreationDate"])[-1:]
    image = only(found, "ImageId", "getAmi", arguments)
    outputs = shown(
        image, id="ImageId", imageId="ImageId", architecture="Architecture", bootMode="BootMode",
        creationDate="CreationDate", deprecationTime="DeprecationTime", description="Description",
        enaSupport="EnaSupport", hypervisor="Hypervisor", imageLocation="ImageLocation",
        imageType="ImageType", imdsSupport="ImdsSupport", name="Name", ownerId="OwnerId",
        platformDetails="PlatformDetails", public="Public", rootDeviceName="RootDeviceName",
        rootDeviceType="RootDeviceType", state="State", virtualizationType="VirtualizationType",
    )  # fmt: skip
    location = f"arn:aws:ec2:{client('ec2').meta.region_name}::image/{image['ImageId']}"
    tagged = {"arn": location, "tags": tags.from_pairs(image.get("Tags"))}
    return asked(arguments, outputs | tagged)


@function("cidrBlock default dhcpOptionsId filters id state tags")
def vpc(arguments: Plain) -> Plain:
    """Finds a VPC."""
    by_input = filters(
        arguments, cidrBlock="cidr", default="isDefault", dhcpOptionsId="dhcp-options-id",
        state="state",
    )  # fmt: skip
    chosen = {"VpcIds": [arguments["id"]]} if "id" in arguments else {}
    answer = ec2().describe_vpcs(**chosen, **by_input)["Vpcs"]
    found = only(answer, "VpcId", "getVpc", arguments)
    identity = found["VpcId"]
    outputs = shown(
        found, id="VpcId", cidrBlock="CidrBlock", default="IsDefault",
        dhcpOptionsId="DhcpOptionsId", instanceTenancy="InstanceTenancy", ownerId="OwnerId",
        state="State",
    )  # fmt: skip
    key = ("describe_vpc_attribute", "VpcId", identity)
    return asked(
        arguments,
        outputs
        | {
            "arn": arn("ec2", f"vpc/{identity}"),
            "enableDnsHostnames": attribute(*key, "enableDnsHostnames"),
            "enableDnsSupport": attribute(*key, "enableDnsSupport"),
            "tags": tags.from_pairs(found.get("Tags")),
        },
    )


@function("filters tags")
def subnets(arguments: Plain) -> Plain:
    """Finds any number of subnets; none is no error."""
    found = pages(ec2(), "describe_subnets", "Subnets", filters(arguments))
    ids = [one["SubnetId"] for one in found]
    return asked(arguments, {"id": client("ec2").meta.region_name, "ids": ids})


@function("availabilityZone availabilityZoneId cidrBlock defaultForAz filters id state tags vpcId")
def subnet(arguments: Plain) -> Plain:
    """Finds a subnet."""
    by_input = filters(
        arguments, availabilityZone="availabilityZone", availabilityZoneId="availabilityZoneId",
        cidrBlock="cidrBlock", defaultForAz="defaultForAz", state="state", vpcId="vpc-id",
    )  # fmt: skip
    chosen = {"SubnetIds": [arguments["id"]]} if "id" in arguments else {}
    answer = ec2().describe_subnets(**chosen, **by_input)["Subnets"]
    found = only(answer, "SubnetId", "getSubnet", arguments)
    outputs = shown(
        found, id="SubnetId", arn="SubnetArn", availabilityZone="AvailabilityZone",
        availabilityZoneId="AvailabilityZoneId", cidrBlock="CidrBlock",
        availableIpAddressCount="AvailableIpAddressCount", defaultForAz="DefaultForAz",
        mapPublicIpOnLaunch="MapPublicIpOnLaunch", ownerId="OwnerId", state="State", vpcId="VpcId",
    )  # fmt: skip
    return asked(arguments, outputs | {"tags": tags.from_pairs(found.get("Tags"))})


@function("instanceType")
def instance_type(arguments: Plain) -> Plain:
    """Tells about a type of instance."""
    answer = ec2().describe_instance_types(InstanceTypes=[arguments["instanceType"]])
    found = only(answer["InstanceTypes"], "InstanceType", "getInstanceType", arguments)
    outputs = shown(
        found, id="InstanceType", bareMetal="BareMetal", currentGeneration="CurrentGeneration",
        burstablePerformanceSupported="BurstablePerformanceSupported",
        defaultCores="VCpuInfo.DefaultCores", defaultVcpus="VCpuInfo.DefaultVCpus",
        ebsEncryptionSupport="EbsInfo.EncryptionSupport", freeTierEligible="FreeTierEligible",
        hypervisor="Hypervisor", instanceStorageSupported="InstanceStorageSupported",
        maximumNetworkInterfaces="NetworkInfo.MaximumNetworkInterfaces",
        memorySize="MemoryInfo.SizeInMiB", networkPerformance="NetworkInfo.NetworkPerformance",
        supportedArchitectures="ProcessorInfo.SupportedArchitectures",
        supportedRootDeviceTypes="SupportedRootDeviceTypes",
        supportedUsagesClasses="SupportedUsageClasses",
        supportedVirtualizationTypes="SupportedVirtualizationTypes",
        sustainedClockSpeed="ProcessorInfo.SustainedClockSpeedInGhz",
    )  # fmt: skip
    return asked(arguments, outputs)


@function("filters locationType")
def instance_type_offerings(arguments: Plain) -> Plain:
    """Lists which types are offered where; the three lists belong together."""
    parameters = given(arguments, LocationType="locationType") | filters(arguments)
    key = "InstanceTypeOfferings"
    found = pages(ec2(), "describe_instance_type_offerings", key, parameters)
    return asked(
        arguments,
        {
            "id": client("ec2").meta.region_name,
            "instanceTypes": [one["InstanceType"] for one in found],
            "locations": [one["Location"] for one in found],
            "locationTypes": [one["LocationType"] for one in found],
        },
    )
