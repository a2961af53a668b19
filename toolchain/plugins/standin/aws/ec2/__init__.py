"""EC2: machines and their networks."""
