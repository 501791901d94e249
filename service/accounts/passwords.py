"""Argon2id in threads of its own, so that the event loop never waits for it and memory has a limit.

19 MiB, two passes, one lane: OWASP's first recommendation (Password Storage Cheat Sheet), about 45 ms here.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from service.accounts.rules import fold_password

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
_THREADS: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="argon2")  # at most 76 MiB
_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$RmFpcmhvbGQgbm9ib2R5cw$5Sv2PLEB+Y6Xv3lcJ0lS4ryHVwbDVJcF2s7hYwJGyWs"
)


async def hash_password(password: str) -> str:
    """Return the salted Argon2id hash of a password, with its parameters in front."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, fold_password(password))


async def fits(password: str, password_hash: str | None) -> bool:
    """Whether the password is the hashed one. With no hash it takes the same time and says no.

    Raises argon2's own errors for a stored hash that is none: that is damage, not a wrong password.
    """
    loop = asyncio.get_running_loop()
    is_right = await loop.run_in_executor(_THREADS, _verify, password_hash or _NOBODYS_HASH, fold_password(password))
    return is_right and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's, and should be made again."""
    return _HASHER.check_needs_rehash(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except VerifyMismatchError:
        return False
