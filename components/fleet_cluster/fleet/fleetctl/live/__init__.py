"""The live cluster, for `fleetctl top`: streamed on a machine, taken in here with its events."""
