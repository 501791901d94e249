-- The seal over transfers, resolutions and events: docs/seal.md.

-- xid8 has no BRIN class, and a tree costs each transfer a microsecond or more. Rows come nearly in the order of their
-- transactions, so a BRIN over the number finds a block's rows at next to no cost. Events have a tree for the relay.
CREATE INDEX transfer_sealing_idx ON transfer USING brin ((xid::text::bigint)) WITH (autosummarize = on);
CREATE INDEX resolution_sealing_idx ON resolution USING brin ((xid::text::bigint)) WITH (autosummarize = on);

CREATE TABLE seal (
    number BIGINT NOT NULL,
    ledger_id UUID NOT NULL,
    format_version BIGINT NOT NULL,
    from_xid xid8 NOT NULL,
    to_xid xid8 NOT NULL,
    transfer_count BIGINT NOT NULL,
    resolution_count BIGINT NOT NULL,
    event_count BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    previous_hash BYTEA NOT NULL,
    block_hash BYTEA NOT NULL,
    chain_hash BYTEA NOT NULL,
    row_marks BYTEA NOT NULL,
    CONSTRAINT seal_pk PRIMARY KEY (number),
    CONSTRAINT seal_number_check CHECK (number > 0),
    CONSTRAINT seal_range_check CHECK (from_xid < to_xid),
    CONSTRAINT seal_counts_check CHECK (transfer_count >= 0 AND resolution_count >= 0 AND event_count >= 0),
    CONSTRAINT seal_hashes_check CHECK (octet_length(previous_hash) = 32 AND octet_length(block_hash) = 32),
    CONSTRAINT seal_chain_check CHECK (chain_hash = sha256(previous_hash || block_hash)),
    CONSTRAINT seal_marks_check CHECK (octet_length(row_marks) = 4 * (transfer_count + resolution_count + event_count))
);
ALTER TABLE seal ALTER COLUMN row_marks SET STORAGE EXTERNAL;  -- digests do not compress

CREATE FUNCTION fairhold_link_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before seal;
BEGIN
    SELECT * INTO before FROM seal ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(before.number, 0) + 1
       OR NEW.from_xid <> coalesce(before.to_xid, '0'::xid8)
       OR NEW.previous_hash <> coalesce(before.chain_hash, decode(repeat('00', 32), 'hex'))
       OR NEW.ledger_id <> coalesce(before.ledger_id, NEW.ledger_id) THEN
        RAISE EXCEPTION 'seal_out_of_order' USING ERRCODE = 'FH409', DETAIL = 'a seal builds on the newest one';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER link_seal BEFORE INSERT ON seal FOR EACH ROW EXECUTE FUNCTION fairhold_link_seal();

-- Heads of the chain that lie in the object store under a lock that nobody can open.
CREATE TABLE seal_head (
    seal_number BIGINT NOT NULL,
    object_name TEXT NOT NULL,
    locked_at TIMESTAMPTZ NOT NULL,
    locked_until TIMESTAMPTZ NOT NULL,
    CONSTRAINT seal_head_pk PRIMARY KEY (seal_number),
    CONSTRAINT seal_head_seal_number_fk FOREIGN KEY (seal_number) REFERENCES seal (number)
);

SELECT fairhold_append_only('seal');
SELECT fairhold_append_only('seal_head');

-- Reconciliation -----------------------------------------------------------------------------------------------------

-- The provider's statement as we read it: its books, not ours. A line that came once stays as it came.
CREATE TABLE statement_line (
    position BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    ended_at TIMESTAMPTZ NOT NULL,
    read_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT statement_line_pk PRIMARY KEY (position)
);
CREATE INDEX statement_line_client_id_idx ON statement_line (client_id);
SELECT fairhold_append_only('statement_line');

-- How far each check came: one row each.
CREATE TABLE ledger_check (
    name TEXT NOT NULL,
    started_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    mark BIGINT NOT NULL,
    facts JSONB NOT NULL,
    CONSTRAINT ledger_check_pk PRIMARY KEY (name),
    CONSTRAINT ledger_check_name_check CHECK (name IN ('reconcile', 'statement', 'verify'))
);
INSERT INTO ledger_check (name, mark, facts) VALUES ('reconcile', 0, '{}'), ('statement', 0, '{}'), ('verify', 0, '{}');
REVOKE INSERT, DELETE ON ledger_check FROM {app_role};
