"""Registration by networks of others, with weights from the user's own files."""
