"""DNS on a machine: CoreDNS answers for fleet's domain, systemd-resolved asks it for that."""
