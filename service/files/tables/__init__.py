"""Tables of stored files."""

from service.files.tables.originals import FileKey, StoredFile

__all__ = ["FileKey", "StoredFile"]
