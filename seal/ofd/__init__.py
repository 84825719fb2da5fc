"""OFD (GB/T 33190): the container, its signatures and its pages."""
