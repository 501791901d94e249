"""Sellers: registration and the agent tree. Verification, licences, deposit and grade are later rooms."""
