"""The one port that is open to the world, in front of the machines' nginx."""
