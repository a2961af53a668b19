"""Commands that show the cluster as it changes, until they are ended."""
