"""Projects on disk, and where their images are now."""
