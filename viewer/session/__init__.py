"""The verbs of the program without a window; each family of verbs is a part of the session."""
