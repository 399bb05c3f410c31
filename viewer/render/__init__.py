"""What VTK and Qt draw: the views, and what they stand on."""
