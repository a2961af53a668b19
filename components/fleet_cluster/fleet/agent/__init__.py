"""The agent: makes this machine's systemd match what the engine has assigned to it."""
