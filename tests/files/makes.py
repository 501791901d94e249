"""The makes of S3 server that the storage tests run against."""

import pytest

from service.embedded.s3 import S3Access

BOTH = ("seaweedfs", "juicefs")


def access_of(request: pytest.FixtureRequest) -> S3Access:
    """Return where the server of the requested make is, the session's if none is; only one asked for is started."""
    if getattr(request, "param", "") == "juicefs":
        found: S3Access = request.getfixturevalue("second_s3")
    else:
        found = request.getfixturevalue("servers").s3
    return found


on_both = pytest.mark.parametrize("s3", BOTH, indirect=True)
on_one_that_locks = pytest.mark.parametrize("s3", ["seaweedfs"], indirect=True)
