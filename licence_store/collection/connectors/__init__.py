"""连接器: how the rows of a source are had (files, a folder with a manifest, a database's table, a service)."""
