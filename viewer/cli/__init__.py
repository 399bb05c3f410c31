"""The command line: what the window can do, without one."""
