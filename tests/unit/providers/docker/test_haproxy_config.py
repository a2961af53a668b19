"""HAProxy's configuration, as a whole."""

import pytest

from fleet_cluster.providers.docker.haproxy_config import haproxy_config

TWO_MACHINES = """\
global
    log stdout format raw local0 notice
    maxconn 4096
    hard-stop-after 5s

defaults
    mode http
    log global
    timeout connect 1s
    timeout client 60s
    timeout server 60s
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
    use_backend statistics if { req.hdr(Host) -m str haproxy-statistics }
    use_backend reachable if { nbsrv(healthy) eq 0 }
    default_backend healthy

# Machines whose nginx has an instance to ask.
backend healthy
    option httpchk
    http-check send meth GET uri / ver HTTP/1.1 hdr Host health-check
    http-check expect rstatus ^[23]
    http-request set-timeout server 1h if { req.hdr(Accept) -m sub text/event-stream }
    server machine-1 10.0.0.11:80 check
    server machine-2 10.0.0.12:80 check

# When there is none: machines whose nginx at least says so.
backend reachable
    http-request set-timeout server 1h if { req.hdr(Accept) -m sub text/event-stream }
    server machine-1 10.0.0.11:80 check
    server machine-2 10.0.0.12:80 check

# What it counts, for fleetctl dashboard: curl -H "Host: haproxy-statistics" "URL/;csv"
backend statistics
    http-request deny unless METH_GET
    stats enable
    stats uri /
    stats hide-version
"""


def test_machines_are_listed_twice_by_what_they_answer():
    assert haproxy_config(["10.0.0.11", "10.0.0.12"]) == TWO_MACHINES


def test_no_address_is_refused():
    with pytest.raises(ValueError, match="addresses: got none"):
        haproxy_config([])
