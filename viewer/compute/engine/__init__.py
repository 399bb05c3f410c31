"""Where jobs run: one process a device, its queue, and what a job may ask for."""
