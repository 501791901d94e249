-- Hot commands: what they need of the schema is little, since they are statements of the program (service/*/hot.py).

-- Idempotency keys are kept for a time, and the oldest are pruned first. Their money's client ids are kept for ever.
CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);
INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from) VALUES
    (uuidv7(), 'keep_idempotency_keys', '', '', 1, 2592000, 'seconds', '2000-01-01Z');
