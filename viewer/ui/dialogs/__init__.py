"""Dialogs of the whole program: errors, export, recovery, settings."""
