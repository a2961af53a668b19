"""Where a cluster lives: each module puts one kind of place together from components."""
