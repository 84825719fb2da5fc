"""核验 OFD 照面: what the pages of an OFD file show, as they are drawn (GB/T 33190)."""
