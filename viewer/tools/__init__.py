"""What the mouse does in a view, one tool a file."""
