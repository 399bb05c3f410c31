"""Edits on disk, what a project is as JSON and arrays, and the way back after a crash."""
