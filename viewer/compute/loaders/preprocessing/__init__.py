"""What models want done to an image, and the way back to its own grid."""
