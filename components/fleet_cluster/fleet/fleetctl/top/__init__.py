"""The live screen of `fleetctl top`: the live cluster as lines, drawn on this computer."""
