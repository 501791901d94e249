-- The events that the matcher's index follows.
CREATE INDEX event_registered_idx ON event (xid, seq)
    WHERE name IN ('batch.registered', 'batch.corrected', 'product.corrected', 'batches.seeded');
