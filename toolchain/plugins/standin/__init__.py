"""Stand-ins for Pulumi's aws, command, docker and tls plugins, on Pulumi's own provider SDK."""
