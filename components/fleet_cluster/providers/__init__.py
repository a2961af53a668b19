"""Providers: where machines, images and the load balancer of a cluster come from."""
