"""Files of this machine: locks, checksums, writing that cannot tear, and how much memory may be taken."""
