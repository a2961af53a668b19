"""What a machine needs to send its journal, and one to take those of all."""
