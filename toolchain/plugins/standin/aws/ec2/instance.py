"""`aws.ec2.Instance`."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from ...inputs import Problem, SdkType, Supported
from ...resource import PluginError, names
from ...values import Plain, Unknown
from .. import tags
from ..client import arn
from ..shapes import camel, given, pascal, shown
from . import volumes
from .base import Ec2Resource, attribute, ec2, tags_for

OWN_NETWORK = names("associatePublicIpAddress privateIp subnetId vpcSecurityGroupIds")
INTERFACES = names("networkInterfaces primaryNetworkInterface")
USER_DATA = names("userData userDataBase64")
USER_DATA_BYTES = 16384
IN_USE = (
    "A replacement that takes over what its predecessor has needs the resource option"
    " `delete_before_replace`."
)
POLL = {"Delay": 2, "MaxAttempts": 300}


class Instance(Ec2Resource):
    """A machine."""

    token = "aws:ec2/instance:Instance"
    sdk = SdkType("pulumi_aws.ec2", "Instance")
    supported: ClassVar[Supported] = {
        "": names("""
            ami availabilityZone disableApiTermination ebsBlockDevices ebsOptimized forceDestroy
            iamInstanceProfile instanceInitiatedShutdownBehavior instanceType keyName
            metadataOptions rootBlockDevice sourceDestCheck tags userDataReplaceOnChange volumeTags
        """)
        | OWN_NETWORK | INTERFACES | USER_DATA,
        "rootBlockDevice": names("""
            deleteOnTermination encrypted iops kmsKeyId tags throughput volumeSize volumeType
        """),
        "ebsBlockDevices": names("""
            deleteOnTermination deviceName encrypted iops kmsKeyId tags throughput volumeSize
            volumeType
        """),
    }  # fmt: skip
    defaults: ClassVar[Mapping[str, Any]] = {
        "forceDestroy": False, "sourceDestCheck": True, "userDataReplaceOnChange": False,
    }  # fmt: skip
    nested_defaults: ClassVar[Mapping[str, Plain]] = {
        "rootBlockDevice": {"deleteOnTermination": True},
    }
    computed = names("""
        ami associatePublicIpAddress availabilityZone disableApiTermination ebsBlockDevices
        ebsOptimized
        iamInstanceProfile instanceInitiatedShutdownBehavior instanceType keyName metadataOptions
        primaryNetworkInterface privateIp rootBlockDevice subnetId userData userDataBase64
        vpcSecurityGroupIds
    """)
    sets = names("vpcSecurityGroupIds")
    replacing = (
        names(
            "ami associatePublicIpAddress availabilityZone ebsOptimized keyName privateIp subnetId"
        )
        | INTERFACES
    )
    gone = names("InvalidInstanceID.NotFound InvalidInstanceID.Malformed")
    steps = {
        "instanceType": "change_stopped",
        "userData": "change_stopped",
        "userDataBase64": "change_stopped",
        "vpcSecurityGroupIds": "set_groups",
        "metadataOptions": "set_metadata_options",
        "iamInstanceProfile": "set_profile",
        "disableApiTermination": "set_termination",
        "instanceInitiatedShutdownBehavior": "set_shutdown",
        "sourceDestCheck": "set_check",
        "rootBlockDevice": "change_root",
        "ebsBlockDevices": "tag_others",
        "volumeTags": "tag_volumes",
    }
    unsettled = dict.fromkeys(("instanceType", *USER_DATA), names("publicDns publicIp"))

    def check(self, inputs: Plain) -> list[Problem]:
        """What must be there, what excludes each other, how long user data may be."""
        missing = [
            Problem(name, "it is required: this stand-in has no launch templates.")
            for name in ("ami", "instanceType")
            if name not in inputs
        ]
        return missing + _check_network(inputs) + _check_user_data(inputs) + _check_tags(inputs)

    def forces_new(self, name: str, state: Plain, inputs: Plain) -> bool:
        """User data when asked to; of the root volume, its encryption; of others all but tags."""
        if name in USER_DATA:
            return bool(inputs.get("userDataReplaceOnChange"))
        if name == "rootBlockDevice" and isinstance(inputs.get(name), dict):
            return volumes.needs_another(state.get(name, {}), inputs[name])
        if name == "ebsBlockDevices":
            return volumes.needs_others(state.get(name, []), inputs[name])
        return self.replaces(name)

    def same(self, name: str, old: Plain, new: Plain) -> bool:
        """The check of source and destination belongs to an interface that was given."""
        if name == "sourceDestCheck" and INTERFACES & new.keys():
            return True
        return super().same(name, old, new)

    def make(self, inputs: Plain) -> str:
        """Runs one instance."""
        _check_free(inputs)
        made = ec2().run_instances(
            MinCount=1,
            MaxCount=1,
            **given(
                inputs, ImageId="ami", InstanceType="instanceType", KeyName="keyName",
                DisableApiTermination="disableApiTermination", EbsOptimized="ebsOptimized",
                InstanceInitiatedShutdownBehavior="instanceInitiatedShutdownBehavior",
            ),
            **_network(inputs),
            **_user_data(inputs),
            **_options(inputs),
            **volumes.mappings(inputs),
            **_tags(inputs),
        )  # fmt: skip
        return made["Instances"][0]["InstanceId"]

    def settle(self, identity: str, inputs: Plain) -> None:
        """Waits until it runs; sets what a new one does not take, or moto does not show."""
        ec2().get_waiter("instance_running").wait(InstanceIds=[identity], WaiterConfig=POLL)
        if not inputs["sourceDestCheck"]:
            self.set_check(identity, {}, inputs)
        if "vpcSecurityGroupIds" in inputs:
            self.set_groups(identity, {}, inputs)
        root_tags = inputs.get("rootBlockDevice", {}).get("tags")
        if root_tags:
            tags.tag_ec2(volumes.root_id(_instance(identity)), root_tags, [])
        self.tag_others(identity, {}, inputs)

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it; one that was terminated is gone."""
        found = _instance(identity)
        if found["State"]["Name"] in ("terminated", "shutting-down"):
            return None
        outputs = shown(
            found, ami="ImageId", availabilityZone="Placement.AvailabilityZone",
            ebsOptimized="EbsOptimized", instanceState="State.Name",
            instanceType="InstanceType", keyName="KeyName", privateDns="PrivateDnsName",
            privateIp="PrivateIpAddress", publicDns="PublicDnsName", publicIp="PublicIpAddress",
            sourceDestCheck="SourceDestCheck", subnetId="SubnetId",
        )  # fmt: skip
        return (
            {"publicDns": "", "publicIp": ""}
            | outputs
            | _read_network(found, state)
            | _read_options(identity, found, state)
            | {
                "arn": arn("ec2", f"instance/{identity}"),
                "ebsBlockDevices": volumes.read_others(found, state.get("ebsBlockDevices", [])),
                "rootBlockDevice": volumes.read_root(found, state.get("rootBlockDevice", {})),
                "tagsAll": tags.from_pairs(found.get("Tags")),
            }
        )

    def change_stopped(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Stops it, gives it another type or other user data, and starts it."""
        ec2().stop_instances(InstanceIds=[identity])
        ec2().get_waiter("instance_stopped").wait(InstanceIds=[identity], WaiterConfig=POLL)
        if inputs["instanceType"] != state.get("instanceType"):
            _modify(identity, InstanceType={"Value": inputs["instanceType"]})
        if any(inputs.get(name) != state.get(name) for name in USER_DATA):
            _modify(identity, UserData={"Value": _user_data(inputs).get("UserData", "")})
        ec2().start_instances(InstanceIds=[identity])
        ec2().get_waiter("instance_running").wait(InstanceIds=[identity], WaiterConfig=POLL)

    def set_groups(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Puts it into other security groups. For AWS one call would do, moto keeps both."""
        groups = inputs["vpcSecurityGroupIds"]
        _modify(identity, Groups=groups)
        ec2().modify_network_interface_attribute(
            NetworkInterfaceId=_attached(_instance(identity))[0]["NetworkInterfaceId"],
            Groups=groups,
        )

    def set_metadata_options(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes the metadata service; what is not given stays."""
        kept = {
            name: value
            for name, value in (state["metadataOptions"] | inputs["metadataOptions"]).items()
            if not name.startswith("__")
        }
        ec2().modify_instance_metadata_options(InstanceId=identity, **pascal(kept))

    def set_profile(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Gives it another role, a first one, or none."""
        by_instance = [{"Name": "instance-id", "Values": [identity]}]
        answer = ec2().describe_iam_instance_profile_associations(Filters=by_instance)
        found = [a["AssociationId"] for a in answer["IamInstanceProfileAssociations"]]
        profile = inputs.get("iamInstanceProfile")
        if not profile:
            for association in found:
                ec2().disassociate_iam_instance_profile(AssociationId=association)
        elif found:
            ec2().replace_iam_instance_profile_association(
                AssociationId=found[0], IamInstanceProfile={"Name": profile}
            )
        else:
            ec2().associate_iam_instance_profile(
                InstanceId=identity, IamInstanceProfile={"Name": profile}
            )

    def set_termination(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Protects it from being terminated, or no longer."""
        _modify(identity, DisableApiTermination={"Value": inputs["disableApiTermination"]})

    def set_shutdown(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Says what a shutdown from inside means."""
        behaviour = inputs["instanceInitiatedShutdownBehavior"]
        _modify(identity, InstanceInitiatedShutdownBehavior={"Value": behaviour})

    def set_check(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Turns the check of source and destination on or off."""
        _modify(identity, SourceDestCheck={"Value": inputs["sourceDestCheck"]})

    def change_root(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes the root volume's size, type, speed and tags."""
        volumes.change_root(state["rootBlockDevice"], inputs["rootBlockDevice"])

    def tag_others(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Tags the volumes that are not its root."""
        volumes.tag_others(
            _instance(identity), state.get("ebsBlockDevices", []), inputs.get("ebsBlockDevices", [])
        )

    def tag_volumes(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Tags all of its volumes."""
        new, lost = tags.difference(state.get("volumeTags", {}), inputs.get("volumeTags", {}))
        for volume in volumes.ids(_instance(identity)):
            tags.tag_ec2(volume, new, lost)

    def remove(self, identity: str, state: Plain) -> None:
        """Terminates it and waits for that."""
        if _instance(identity)["State"]["Name"] == "terminated":
            return
        if state.get("forceDestroy"):
            _modify(identity, DisableApiTermination={"Value": False})
        ec2().terminate_instances(InstanceIds=[identity])
        ec2().get_waiter("instance_terminated").wait(InstanceIds=[identity], WaiterConfig=POLL)


def _check_network(inputs: Plain) -> list[Problem]:
    used = sorted(INTERFACES & inputs.keys())
    if len(used) == 2:
        return [Problem(used[0], f"it excludes {used[1]}.")]
    return [
        Problem(name, f"it excludes {used[0]}: it belongs to the network interface.")
        for name in sorted(OWN_NETWORK & inputs.keys())
        if used
    ]


def _check_user_data(inputs: Plain) -> list[Problem]:
    if inputs.keys() >= USER_DATA:
        return [Problem("userData", "it excludes userDataBase64.")]
    text = inputs.get("userData")
    length = len(text.encode()) if isinstance(text, str) else 0
    if length <= USER_DATA_BYTES:
        return []
    return [Problem("userData", f"it has {length} bytes; EC2 takes at most {USER_DATA_BYTES}.")]


def _check_tags(inputs: Plain) -> list[Problem]:
    root = inputs.get("rootBlockDevice")
    if "volumeTags" in inputs and isinstance(root, dict) and "tags" in root:
        return [Problem("volumeTags", "it excludes rootBlockDevice.tags.")]
    if "volumeTags" in inputs and "ebsBlockDevices" in inputs:
        return [Problem("volumeTags", "it excludes tags of ebsBlockDevices.")]
    return []


def _check_free(inputs: Plain) -> None:
    """AWS refuses interfaces and addresses that are in use; moto, in AWS's place, does not."""
    listed = [*inputs.get("networkInterfaces", []), inputs.get("primaryNetworkInterface", {})]
    wanted = [one["networkInterfaceId"] for one in listed if one]
    for one in _interfaces(NetworkInterfaceIds=wanted) if wanted else []:
        user = one.get("Attachment", {}).get("InstanceId")
        if user and _instance(user)["State"]["Name"] != "terminated":
            identity = one["NetworkInterfaceId"]
            raise PluginError(f"The network interface {identity} is in use by {user}. {IN_USE}")
    if "privateIp" in inputs and "subnetId" in inputs:
        same = {"private-ip-address": inputs["privateIp"], "subnet-id": inputs["subnetId"]}
        by_address = [{"Name": name, "Values": [value]} for name, value in same.items()]
        for one in _interfaces(Filters=by_address):
            user = one["NetworkInterfaceId"]
            raise PluginError(f"The address {inputs['privateIp']} is in use by {user}. {IN_USE}")


def _interfaces(**parameters: Any) -> list[Plain]:
    return ec2().describe_network_interfaces(**parameters)["NetworkInterfaces"]


def _network(inputs: Plain) -> Plain:
    """Returns the interfaces: those given, or one that goes when the instance goes."""
    if "primaryNetworkInterface" in inputs:
        wanted = inputs["primaryNetworkInterface"]
        return {"NetworkInterfaces": [{"DeviceIndex": 0} | given(wanted, **INTERFACE)]}
    if "networkInterfaces" in inputs:
        listed = inputs["networkInterfaces"]
        return {"NetworkInterfaces": [given(one, DeviceIndex="deviceIndex", **INTERFACE)
                                      for one in listed]}  # fmt: skip
    zone = {"Placement": given(inputs, AvailabilityZone="availabilityZone")}
    own = given(
        inputs, SubnetId="subnetId", PrivateIpAddress="privateIp", Groups="vpcSecurityGroupIds",
        AssociatePublicIpAddress="associatePublicIpAddress",
    )  # fmt: skip
    first = {"DeviceIndex": 0, "DeleteOnTermination": True} | own
    return (zone if "availabilityZone" in inputs else {}) | {"NetworkInterfaces": [first]}


INTERFACE = {
    "NetworkInterfaceId": "networkInterfaceId",
    "DeleteOnTermination": "deleteOnTermination",
}


def _user_data(inputs: Plain) -> Plain:
    """The client encodes the text."""
    if "userDataBase64" in inputs:
        return {"UserData": base64.b64decode(inputs["userDataBase64"])}
    return given(inputs, UserData="userData")


def _options(inputs: Plain) -> Plain:
    options: Plain = {}
    if "iamInstanceProfile" in inputs:
        options["IamInstanceProfile"] = {"Name": inputs["iamInstanceProfile"]}
    if "metadataOptions" in inputs:
        options["MetadataOptions"] = pascal(inputs["metadataOptions"])
    return options


def _tags(inputs: Plain) -> Plain:
    instance = tags_for("instance", inputs).get("TagSpecifications", [])
    volume = tags.specifications("volume", inputs.get("volumeTags", {}))
    both = [*instance, *volume.get("TagSpecifications", [])]
    return {"TagSpecifications": both} if both else {}


def _instance(identity: str) -> Plain:
    answer = ec2().describe_instances(InstanceIds=[identity])
    return answer["Reservations"][0]["Instances"][0]


def _modify(identity: str, **attributes: Any) -> None:
    ec2().modify_instance_attribute(InstanceId=identity, **attributes)


def _read_network(found: Plain, state: Plain) -> Plain:
    attached = _attached(found)
    outputs: Plain = {"associatePublicIpAddress": "PublicIpAddress" in found}
    if not attached:
        return outputs
    outputs["vpcSecurityGroupIds"] = [group["GroupId"] for group in attached[0]["Groups"]]
    outputs["primaryNetworkInterfaceId"] = attached[0]["NetworkInterfaceId"]
    outputs["primaryNetworkInterface"] = _interface(attached[0])
    if "networkInterfaces" in state:
        outputs["networkInterfaces"] = [
            _interface(one) | {"deviceIndex": one["Attachment"]["DeviceIndex"]} for one in attached
        ]
    return outputs


def _attached(found: Plain) -> list[Plain]:
    interfaces: list[Plain] = found.get("NetworkInterfaces", [])
    return sorted(interfaces, key=lambda one: one["Attachment"]["DeviceIndex"])


def _interface(one: Plain) -> Plain:
    return shown(
        one,
        networkInterfaceId="NetworkInterfaceId",
        deleteOnTermination="Attachment.DeleteOnTermination",
    )


def _read_options(identity: str, found: Plain, state: Plain) -> Plain:
    key = ("describe_instance_attribute", "InstanceId", identity)
    profile: str = found.get("IamInstanceProfile", {}).get("Arn", "")
    options = {name: v for name, v in found.get("MetadataOptions", {}).items() if name != "State"}
    return {
        "disableApiTermination": attribute(*key, "disableApiTermination"),
        "instanceInitiatedShutdownBehavior": attribute(*key, "instanceInitiatedShutdownBehavior"),
        "iamInstanceProfile": profile.rpartition("/")[2],
        "metadataOptions": camel(options),
    } | _read_user_data(attribute(*key, "userData"), state)


def _read_user_data(encoded: str | None, state: Plain) -> Plain:
    """It is kept in the form in which it was given."""
    if "userDataBase64" in state:
        return {"userDataBase64": encoded or ""}
    if "userData" in state and not isinstance(state["userData"], Unknown):
        return {"userData": base64.b64decode(encoded or "").decode(errors="replace")}
    return {}
