"""Taking in the files of one form, for whoever takes files: all of them or none."""

from collections.abc import Collection, Sequence
from typing import BinaryIO

from service.core.errors import FairholdError, Invalid
from service.files.images import ImageWorkshop
from service.files.intake import CaseKey, Received, receive
from service.files.kinds import FILES_PER_COMPLAINT_MAX
from service.files.store import Store

UPLOAD_BYTES_MAX = 210_000_000  # ten files at their limit, and the form around them
PHOTO_BYTES_MAX = 21_000_000  # one file at its limit, and the form around it


async def receive_all(
    store: Store,
    workshop: ImageWorkshop,
    key: CaseKey,
    sources: Sequence[BinaryIO],
    *,
    field: str = "files",
    left_out: Collection[int] = (),
) -> list[Received]:
    """Take in every file, or none: the first that is refused refuses the upload, and `file` says which (from 0).

    `field` is the name of the form's field, `left_out` the places of files that are here already. What was taken in
    before has no row and is swept. Raises the codes of `files.kinds`, and `Unavailable`.
    """
    if len(sources) > FILES_PER_COMPLAINT_MAX:
        raise Invalid("too_many_files", "too many files at once", complaint_max=FILES_PER_COMPLAINT_MAX)
    received = []
    for place, source in enumerate(sources):
        if place in left_out:
            continue
        try:
            received.append(await receive(store, workshop, key, source))
        except FairholdError as error:
            raise type(error)(error.code, error.message, **{**error.facts, "field": field, "file": place}) from error
    return received


async def receive_photos(
    store: Store, workshop: ImageWorkshop, key: CaseKey, sources: Sequence[BinaryIO], *, field: str = "files"
) -> list[Received]:
    """Take in every photo, or none; raises as `receive_all`, and `Invalid` ("photo_needed") for a document."""
    received = await receive_all(store, workshop, key, sources, field=field)
    for place, each in enumerate(received):
        if not each.kind.is_photo:
            raise Invalid("photo_needed", "a document shows nothing that was photographed", field=field, file=place)
    return received
