"""The page of `fleetctl dashboard`: the live cluster, served to browsers of this computer."""
