"""办件归档包: everything about one case in a BagIt bag that verifies on its own years later (R090, R091)."""
