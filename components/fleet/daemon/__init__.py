"""fleetd: the control loop of each machine, and of the leader among them."""
