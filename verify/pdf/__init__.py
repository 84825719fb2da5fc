"""核验 PDF: a PDF read without being believed, its signatures judged (ISO 32000, EN 319 142-1, GB/T 38540)."""
