"""The cluster's state as commands read, plan and change it."""
