"""The database: sessions, the one clock, idempotency, keyset pages, migrations."""
