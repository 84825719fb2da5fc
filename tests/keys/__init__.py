"""密钥: tests of keys/, file for file."""
