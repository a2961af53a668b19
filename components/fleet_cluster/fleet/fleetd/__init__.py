"""fleetd: the daemon of each machine, its loop and its metrics."""
