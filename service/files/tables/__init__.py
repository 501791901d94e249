"""Tables of stored files."""

from service.files.tables.checks import FileCheck, FileFinding, What
from service.files.tables.likeness import PhotoLikeness
from service.files.tables.originals import FileKey, StoredFile
from service.files.tables.uploads import Installation, Upload

__all__ = ["FileCheck", "FileFinding", "FileKey", "Installation", "PhotoLikeness", "StoredFile", "Upload", "What"]
