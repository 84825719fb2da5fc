"""Routes, grouped by audience, since that is how permissions differ."""
