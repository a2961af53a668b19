"""disks: a machine's file systems, the room that is kept on them, and how it is made."""
