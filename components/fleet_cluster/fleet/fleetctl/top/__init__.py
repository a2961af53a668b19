"""The live screen of `fleetctl top`: what is streamed on a machine, and drawn on this computer."""
