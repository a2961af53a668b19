"""Commands for `pulumi up` and for fleetctl itself."""
