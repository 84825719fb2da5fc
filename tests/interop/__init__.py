"""Other people's programs read, draw and check what we issue."""
