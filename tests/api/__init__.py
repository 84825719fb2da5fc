"""Tests of api/: what faces the world."""
