"""What surrounds an update: claims, plans in previews, quorum, and a machine's end."""
