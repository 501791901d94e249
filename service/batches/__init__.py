"""Products and their production batches: registration, custody, genealogy, status history."""
