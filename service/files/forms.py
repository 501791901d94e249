"""Forms (presigned POST policies) by which a client without keys may put one object into one bucket, for a while.

The server checks signature, bucket, key, size and time. It judges the time by its own clock, so a form's end is counted
from that.
"""

from dataclasses import dataclass
from datetime import datetime

from minio import Minio
from minio.datatypes import PostPolicy


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A form to send as multipart/form-data: all `fields` first, then the file as the field `file`."""

    url: str
    fields: dict[str, str]

    def __repr__(self) -> str:
        """Leave the signature out of logs."""
        return f"UploadForm(url={self.url})"


def sign_form(
    client: Minio, address: str, bucket: str, name: str, *, size_min: int, size_max: int, until: datetime
) -> UploadForm:
    """Return a form for the object `name` of at least and at most so many bytes; nothing is asked of the server."""
    policy = PostPolicy(bucket, until)
    policy.add_equals_condition("key", name)
    policy.add_content_length_range_condition(size_min, size_max)
    return UploadForm(f"{address}/{bucket}", {"key": name, **client.presigned_post_policy(policy)})
