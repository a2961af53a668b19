"""Words of the command line: what operators type, and what is printed."""
