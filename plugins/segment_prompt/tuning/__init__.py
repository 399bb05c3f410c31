"""Tuning of the prompted model on structures that people have accepted."""
