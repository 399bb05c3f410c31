"""The main window: its docks, the list of all actions, the status bar."""
