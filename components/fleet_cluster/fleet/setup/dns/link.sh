#!/bin/sh
# A link of the machine's own, so that systemd-resolved asks CoreDNS for fleet's domain and nothing
# else: servers that are of no link it asks for everything. And an address that containers reach on
# whatever network of this machine, where systemd-resolved answers them.
set -eu

if ! ip link show fleet >/dev/null 2>&1; then
    # Of a pair, since a link that leads nowhere does not count as up.
    ip link add fleet type veth peer name fleet-peer
fi
ip address replace 169.254.20.53/32 dev fleet
ip link set fleet-peer up
ip link set fleet up
resolvectl dns fleet 127.0.0.1:1053
resolvectl domain fleet '~fleet.internal'
resolvectl default-route fleet no
