-- What a claim and the matcher write of a complaint, at less cost.

-- `batch_id IS NULL` says what `match_status <> 'linked'` said (the CHECK complaint_linked_check), by a column that a try
-- which links nothing leaves alone: such an update writes no index.
DROP INDEX complaint_lots_told_idx;
DROP INDEX complaint_told_key_idx;
DROP INDEX complaint_unlinked_product_idx;
CREATE INDEX complaint_lots_told_idx ON complaint USING gin (lots_told) WHERE batch_id IS NULL AND status <> 'draft';
CREATE INDEX complaint_told_key_idx ON complaint USING gin (told_key gin_trgm_ops) WHERE batch_id IS NULL AND status <> 'draft';
CREATE INDEX complaint_unlinked_product_idx ON complaint (product_id) WHERE batch_id IS NULL AND status <> 'draft';
ALTER TABLE complaint SET (fillfactor = 70);

-- As in 60_complaints.sql, but rows are compared and not their JSON; and a draft, which may change, calls nothing. What a
-- complaint claims changes in one case only: a chargeback divided its held payment, and it goes on for the rest.
CREATE OR REPLACE FUNCTION complaint_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told complaint := NEW;
BEGIN
    told.status := OLD.status; told.outcome := OLD.outcome; told.seller_id := OLD.seller_id;
    told.product_id := OLD.product_id; told.reached_at := OLD.reached_at; told.answered_at := OLD.answered_at;
    told.ruled_at := OLD.ruled_at; told.ended_at := OLD.ended_at; told.dispute_id := OLD.dispute_id;
    told.match_status := OLD.match_status; told.batch_id := OLD.batch_id; told.link_by := OLD.link_by;
    told.link_is_strict := OLD.link_is_strict;
    IF OLD.hold_id <> NEW.hold_id AND EXISTS (
        SELECT FROM resolution r WHERE r.hold_id = OLD.hold_id AND r.outcome = 'divided' AND r.cause = 'chargeback'
          AND r.rest_hold_id = NEW.hold_id AND r.rest_minor = NEW.claim_minor) THEN
        told.hold_id := OLD.hold_id; told.claim_minor := OLD.claim_minor;
    END IF;
    IF told IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'complaint_sent' USING ERRCODE = 'FH409', DETAIL = 'what was sent is not changed; add to it';
    END IF;
    IF OLD.ended_at IS NOT NULL AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'complaint_ended' USING ERRCODE = 'FH409', DETAIL = 'this case has ended';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER keep ON complaint;
CREATE TRIGGER keep BEFORE UPDATE ON complaint
    FOR EACH ROW WHEN (OLD.status <> 'draft') EXECUTE FUNCTION complaint_keep();
