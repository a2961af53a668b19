"""Stand-ins for Pulumi's command, docker and tls plugins, on Pulumi's own provider SDK."""
