"""Tools that show what a structure is: points, scribbles, boxes and lassos, from which its mask is found."""
