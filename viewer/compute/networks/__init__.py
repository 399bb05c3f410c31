"""Trained networks: their cards, what runs them, and images of any size in tiles."""
