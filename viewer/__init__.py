"""The program: data, scene, computation, files, views and windows, one floor a package."""
