"""Every domain's tables in one metadata, for migrations and tests."""

import importlib
import importlib.util
import pkgutil

from sqlalchemy import MetaData

import service
from service.db import idempotency as _idempotency  # noqa: F401 - its table is part of the metadata
from service.db import throttle as _throttle  # noqa: F401 - as above
from service.db.base import Base


def all_tables() -> MetaData:
    """Import each part's `tables` module and return the metadata they fill."""
    for part in pkgutil.iter_modules(service.__path__):
        if part.ispkg and importlib.util.find_spec(f"service.{part.name}.tables"):
            importlib.import_module(f"service.{part.name}.tables")

    return Base.metadata
