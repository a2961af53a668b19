"""systemd: the manager of this machine, over D-Bus."""
