"""Records for people: audit trail, task lists, tables of figures, sign-offs."""
