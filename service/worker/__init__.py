"""The process that does queued work and sweeps; it stops cleanly on SIGTERM."""
