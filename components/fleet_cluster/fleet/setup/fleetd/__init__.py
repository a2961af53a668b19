"""The step `fleetd`: this machine in fleet, with the software that the set-up has brought."""
