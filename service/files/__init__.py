"""Photos and documents: sniffed, sealed, kept in S3, locked, and shown only as clean derivatives."""
