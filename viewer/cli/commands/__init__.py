"""One command a file: a function from its arguments to the JSON document that it prints."""
