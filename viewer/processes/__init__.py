"""What two processes need to talk: arrays in shared memory, messages, and functions by name."""
