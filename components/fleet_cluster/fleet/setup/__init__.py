"""Sets a machine up: what Pulumi runs on it over SSH, each step with its input on stdin."""
