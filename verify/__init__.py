"""核验: bytes in, a Report out; no key, no database."""
