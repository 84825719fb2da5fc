"""Figures of speed and memory, taken from the product as it is installed: ``make bench``."""
