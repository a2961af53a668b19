"""Elastic Load Balancing: load balancers, target groups, targets, listeners."""
