"""What an action is, and where it is found: in menus, by keys, in the palette."""
