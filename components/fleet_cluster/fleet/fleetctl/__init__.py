"""fleetctl: the operator's command line.

`python3 -m fleet.fleetctl` on a machine, `bin/fleetctl` elsewhere.

A command is a file under `commands/`; it parses, calls a function on a `Store`, and prints.
"""
