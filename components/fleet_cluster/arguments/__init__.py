"""What a cluster's arguments may be, checked before anything is made. Pure."""
