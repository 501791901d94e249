"""The append-only event log: timeline, outbox and audit trail in one."""
