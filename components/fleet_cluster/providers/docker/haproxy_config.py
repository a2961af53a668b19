"""The text of HAProxy's configuration, which makes it behave like a cloud's load balancer."""

from collections.abc import Sequence

_CONFIG = """\
global
    log stdout format raw local0 notice
    maxconn 4096
    hard-stop-after 5s

defaults
    mode http
    log global
    timeout connect 1s
    timeout client {idle_seconds}s
    timeout server {idle_seconds}s
    timeout tunnel 1h
    timeout http-request 10s
    timeout http-keep-alive 10s
    balance roundrobin
    option forwardfor
    option http-server-close
    # A machine that does not take the request costs nothing: the next one is asked.
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response
    default-server inter 1s fall 2 rise 2

frontend http
    bind :80
    http-request disable-l7-retry unless METH_GET
    use_backend statistics if {{ req.hdr(Host) -m str haproxy-statistics }}
    use_backend reachable if {{ nbsrv(healthy) eq 0 }}
    default_backend healthy

# Machines whose nginx has an instance to ask.
backend healthy
    option httpchk
    http-check send meth GET uri / ver HTTP/1.1 hdr Host health-check
    http-check expect rstatus ^[23]
    {events_may_be_rare}
{servers}

# When there is none: machines whose nginx at least says so.
backend reachable
    {events_may_be_rare}
{servers}

# What it counts, for fleetctl dashboard: curl -H "Host: haproxy-statistics" "URL/;csv"
backend statistics
    http-request deny unless METH_GET
    stats enable
    stats uri /
    stats hide-version
"""
_EVENTS_MAY_BE_RARE = (
    "http-request set-timeout server 1h if { req.hdr(Accept) -m sub text/event-stream }"
)


def haproxy_config(addresses: Sequence[str], idle_seconds: int = 60) -> str:
    """HAProxy's configuration for machines that serve HTTP on port 80.

    Args:
        addresses: the IP addresses of all machines that there may ever be, in order. Those that
            do not answer cost a health check, so a cluster can grow without a new configuration.
        idle_seconds: how long client and machine may be silent, but for streams.

    Raises:
        ValueError: there is no address.
    """
    if not addresses:
        raise ValueError("addresses: got none; give the address of at least one machine")
    servers = "\n".join(
        f"    server machine-{number} {address}:80 check"
        for number, address in enumerate(addresses, start=1)
    )
    return _CONFIG.format(
        servers=servers, events_may_be_rare=_EVENTS_MAY_BE_RARE, idle_seconds=idle_seconds
    )
