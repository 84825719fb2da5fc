"""对外: HTTP, pages and the command line; the only place where all packages meet."""

__version__ = "0.1.0"
