"""The volumes of an instance: its root volume, and others that are made with it."""

from ...resource import PluginError, names
from ...values import Plain
from .. import tags
from ..shapes import covers, given, shown
from .base import ec2

FIXED = names("encrypted kmsKeyId")

VOLUME = {
    "DeleteOnTermination": "deleteOnTermination",
    "Encrypted": "encrypted",
    "Iops": "iops",
    "KmsKeyId": "kmsKeyId",
    "Throughput": "throughput",
    "VolumeSize": "volumeSize",
    "VolumeType": "volumeType",
}


def needs_another(had: Plain, wanted: Plain) -> bool:
    """Whether a volume cannot be changed to what is wanted: its encryption stays."""
    return any(name in wanted and wanted[name] != had.get(name) for name in FIXED)


def mappings(inputs: Plain) -> Plain:
    """Returns the parameter that shapes the volumes of a new instance."""
    found = [*_root_mapping(inputs), *map(_mapping, inputs.get("ebsBlockDevices", []))]
    return {"BlockDeviceMappings": found} if found else {}


def _mapping(wanted: Plain) -> Plain:
    return {"DeviceName": wanted["deviceName"], "Ebs": given(wanted, **VOLUME)}


def _root_mapping(inputs: Plain) -> list[Plain]:
    wanted = inputs.get("rootBlockDevice")
    if wanted is None:
        return []
    image = _image(inputs["ami"])
    root = image["RootDeviceName"]
    volume = given(wanted, **VOLUME)
    for device in image.get("BlockDeviceMappings", []):
        if device.get("DeviceName") == root:
            volume = given(device.get("Ebs", {}), SnapshotId="SnapshotId") | volume
    return [{"DeviceName": root, "Ebs": volume}]


def _image(ami: str) -> Plain:
    images = ec2().describe_images(ImageIds=[ami])["Images"]
    if not images:
        raise PluginError(f"There is no image {ami} in this region.")
    return images[0]


def ids(instance: Plain) -> list[str]:
    """Returns the ids of all volumes of an instance."""
    return [device["Ebs"]["VolumeId"] for device in instance.get("BlockDeviceMappings", [])]


def _root(instance: Plain) -> Plain:
    devices: list[Plain] = instance.get("BlockDeviceMappings", [])
    none: Plain = {}
    return next((d for d in devices if d["DeviceName"] == instance["RootDeviceName"]), none)


def root_id(instance: Plain) -> str:
    """Returns the id of its root volume."""
    return _root(instance)["Ebs"]["VolumeId"]


def read_root(instance: Plain, given_before: Plain) -> Plain:
    """Returns the root volume as the output `rootBlockDevice`."""
    root = _root(instance)
    return _read(root, given_before) if root else {}


def read_others(instance: Plain, given_before: list[Plain]) -> list[Plain]:
    """Returns the other volumes as the output `ebsBlockDevices`."""
    root, before = _root(instance), {one["deviceName"]: one for one in given_before}
    devices: list[Plain] = instance.get("BlockDeviceMappings", [])
    return [_read(one, before.get(one["DeviceName"], {})) for one in devices if one != root]


def needs_others(had: list[Plain], wanted: list[Plain]) -> bool:
    """Whether the other volumes cannot become what is wanted: only their tags can."""
    return not covers(had, [{n: v for n, v in one.items() if n != "tags"} for one in wanted])


def tag_others(instance: Plain, had: list[Plain], wanted: list[Plain]) -> None:
    """Tags the other volumes."""
    before = {one["deviceName"]: one.get("tags", {}) for one in had}
    there = {one["deviceName"]: one["volumeId"] for one in read_others(instance, [])}
    for one in wanted:
        device = one["deviceName"]
        new, gone = tags.difference(before.get(device, {}), one.get("tags", {}))
        tags.tag_ec2(there[device], new, gone)


def _read(device: Plain, given_before: Plain) -> Plain:
    volume = ec2().describe_volumes(VolumeIds=[device["Ebs"]["VolumeId"]])["Volumes"][0]
    outputs = shown(
        volume, encrypted="Encrypted", iops="Iops", kmsKeyId="KmsKeyId", throughput="Throughput",
        volumeId="VolumeId", volumeSize="Size", volumeType="VolumeType",
    )  # fmt: skip
    found = tags.from_pairs(volume.get("Tags"))
    return outputs | shown(
        device, deleteOnTermination="Ebs.DeleteOnTermination", deviceName="DeviceName"
    ) | ({"tags": found} if "tags" in given_before else {})  # fmt: skip


def change_root(had: Plain, wanted: Plain) -> None:
    """Changes the root volume in place."""
    changed = {name: v for name, v in wanted.items() if not covers(had.get(name), v)}
    resized = given(
        changed, Size="volumeSize", VolumeType="volumeType", Iops="iops", Throughput="throughput"
    )
    if resized:
        ec2().modify_volume(VolumeId=had["volumeId"], **resized)
    if "tags" in changed or "tags" in had:
        new, gone = tags.difference(had.get("tags", {}), wanted.get("tags", {}))
        tags.tag_ec2(had["volumeId"], new, gone)
    if "deleteOnTermination" in changed:
        raise PluginError("This stand-in cannot change rootBlockDevice.deleteOnTermination.")
