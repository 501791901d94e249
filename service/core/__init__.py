"""Pure building blocks that every part shares: no database, no HTTP, no I/O."""
