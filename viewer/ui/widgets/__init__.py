"""Small widgets that several families use, and the theme."""
