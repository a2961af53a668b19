"""What machines and units use: told by each machine while somebody looks, and gathered here."""
