"""Remote machines: OpenSSH, the tunnel, and which machines are meant."""
