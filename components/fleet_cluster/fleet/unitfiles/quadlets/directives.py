"""What Podman knows in quadlets, as its manual and its generator have it.

Unlike systemd, which skips what it does not know, its generator makes no service of the file then.
"""

from collections.abc import Mapping

VERSION = "5.4"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DIRECTIVES: Mapping[str, frozenset[str]] = {
    "Container": _words(
        """
    AddCapability AddDevice AddHost Annotation AutoUpdate CgroupsMode ContainerName
    ContainersConfModule DNS DNSOption DNSSearch DropCapability Entrypoint Environment
    EnvironmentFile EnvironmentHost Exec ExposeHostPort GIDMap GlobalArgs Group GroupAdd
    HealthCmd HealthInterval HealthLogDestination HealthMaxLogCount HealthMaxLogSize
    HealthOnFailure HealthRetries HealthStartPeriod HealthStartupCmd HealthStartupInterval
    HealthStartupRetries HealthStartupSuccess HealthStartupTimeout HealthTimeout HostName IP IP6
    Image Label LogDriver LogOpt Mask Mount Network NetworkAlias NoNewPrivileges Notify
    PidsLimit Pod PodmanArgs PublishPort Pull ReadOnly ReadOnlyTmpfs RemapGid RemapUid
    RemapUidSize RemapUsers Rootfs RunInit SeccompProfile Secret SecurityLabelDisable
    SecurityLabelFileType SecurityLabelLevel SecurityLabelNested SecurityLabelType ServiceName
    ShmSize StartWithPod StopSignal StopTimeout SubGIDMap SubUIDMap Sysctl Timezone Tmpfs UIDMap
    Ulimit Unmask User UserNS VolatileTmp Volume WorkingDir
        """
    ),
    "Volume": _words(
        """
    ContainersConfModule Copy Device Driver GlobalArgs Group Image Label Options PodmanArgs
    ServiceName Type User VolumeName
        """
    ),
    "Network": _words(
        """
    ContainersConfModule DNS DisableDNS Driver Gateway GlobalArgs IPAMDriver IPRange IPv6
    Internal Label NetworkName Options PodmanArgs ServiceName Subnet
        """
    ),
    "Pod": _words(
        """
    AddHost ContainersConfModule DNS DNSOption DNSSearch GIDMap GlobalArgs IP IP6 Network
    NetworkAlias PodName PodmanArgs PublishPort RemapGid RemapUid RemapUidSize RemapUsers
    ServiceName ShmSize SubGIDMap SubUIDMap UIDMap UserNS Volume
        """
    ),
    "Quadlet": _words(
        """
    DefaultDependencies
        """
    ),
}
"""Each section, with its keys."""
