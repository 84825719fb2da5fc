"""证照文件库: sealed files by the digest of what is in them, in a folder or an object store."""

from licence_store.files.folder import FolderStore, flush, flush_folder, sweep_unfinished, write_whole
from licence_store.files.opening import open_store
from licence_store.files.store import FileStore

__all__ = ["FileStore", "FolderStore", "flush", "flush_folder", "open_store", "sweep_unfinished", "write_whole"]
