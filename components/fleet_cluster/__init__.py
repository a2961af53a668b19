"""A cluster of machines that runs systemd units behind a load balancer, as Pulumi components."""
