"""One file per step; the first makes every table."""
