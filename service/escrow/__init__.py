"""Held payments: the ledger, holds and their freezes, the one way to end a hold, the payment provider."""
