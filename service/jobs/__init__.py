"""The queue on PostgreSQL: work that is enqueued in the caller's transaction and done after its commit."""
