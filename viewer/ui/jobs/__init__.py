"""What runs and what has run."""
