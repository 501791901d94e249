-- What was sent stays as it was told; only the course of the case moves on.
REVOKE DELETE, TRUNCATE ON complaint, offer FROM {app_role};
SELECT fairhold_append_only('complaint_entry');
SELECT fairhold_append_only('complaint_match');
SELECT fairhold_append_only('complaint_evidence');
SELECT fairhold_append_only('complaint_evidence_removal');

CREATE FUNCTION complaint_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moving text[] := '{status,outcome,seller_id,product_id,reached_at,answered_at,ruled_at,ended_at,dispute_id,'
                     'match_status,batch_id,link_by,link_is_strict}';
BEGIN
    IF OLD.status <> 'draft' AND (to_jsonb(NEW) - moving) IS DISTINCT FROM (to_jsonb(OLD) - moving) THEN
        RAISE EXCEPTION 'complaint_sent' USING ERRCODE = 'FH409', DETAIL = 'what was sent is not changed; add to it';
    END IF;
    IF OLD.ended_at IS NOT NULL AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'complaint_ended' USING ERRCODE = 'FH409', DETAIL = 'this case has ended';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON complaint FOR EACH ROW EXECUTE FUNCTION complaint_keep();

-- Erasure deletes the row; a text that was sent is never rewritten.
CREATE FUNCTION complaint_text_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM complaint WHERE id = OLD.complaint_id AND status = 'draft';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'complaint_sent' USING ERRCODE = 'FH409', DETAIL = 'what was sent is not changed; add to it';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON complaint_text FOR EACH ROW EXECUTE FUNCTION complaint_text_keep();
REVOKE UPDATE, TRUNCATE ON complaint_entry_text FROM {app_role};

CREATE FUNCTION offer_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'open' OR (to_jsonb(NEW) - '{status,ended_at}'::text[]) IS DISTINCT FROM (to_jsonb(OLD) - '{status,ended_at}'::text[]) THEN
        RAISE EXCEPTION 'offer_ended' USING ERRCODE = 'FH409', DETAIL = 'an offer ends once and is not changed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON offer FOR EACH ROW EXECUTE FUNCTION offer_keep();

-- Complaints that a newly registered batch may fit.
CREATE INDEX complaint_lots_told_idx ON complaint USING gin (lots_told) WHERE match_status <> 'linked' AND status <> 'draft';
CREATE INDEX complaint_told_key_idx ON complaint USING gin (told_key gin_trgm_ops) WHERE match_status <> 'linked' AND status <> 'draft';
CREATE INDEX complaint_unlinked_product_idx ON complaint (product_id) WHERE match_status <> 'linked' AND status <> 'draft';
