import pytest

from service.app import Service
from service.db.session import Database
from tests.recalls.street import Street


@pytest.fixture
async def street(database: Database, service: Service) -> Street:
    await service.store.ensure_buckets()
    return await Street.build(database)
