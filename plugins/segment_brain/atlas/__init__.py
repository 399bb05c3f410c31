"""What is known of a head before it is seen, and how it is fitted to what an image of it shows."""
