"""What the header of one file says: its frames, where they lie, what their numbers mean."""
