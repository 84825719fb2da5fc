"""PDF (ISO 32000-1, PDF/A-3): writing, sealing and long-term material."""
