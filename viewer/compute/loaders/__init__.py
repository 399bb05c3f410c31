"""Models that others made, one loader a kind: what they want of an image, and their networks."""
