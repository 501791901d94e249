-- Where a complaint went that became part of another case -------------------------------------------------------------

ALTER TABLE complaint ADD COLUMN merged_into_id UUID, ADD COLUMN later_harm TEXT;
ALTER TABLE complaint
    DROP CONSTRAINT complaint_status_check, DROP CONSTRAINT complaint_sent_check,
    DROP CONSTRAINT complaint_claim_held_check, DROP CONSTRAINT complaint_ended_check,
    ADD CONSTRAINT complaint_status_check CHECK (status IN ('answered', 'closed', 'disputed', 'draft', 'merged', 'settled', 'submitted', 'triage', 'with_seller', 'withdrawn')),
    ADD CONSTRAINT complaint_sent_check CHECK (status IN ('draft', 'merged', 'withdrawn') OR num_nulls(submitted_at, kind, harm, risk) = 0),
    ADD CONSTRAINT complaint_claim_held_check CHECK (status IN ('draft', 'merged', 'withdrawn') OR (claim_minor IS NULL) = (hold_id IS NULL)),
    ADD CONSTRAINT complaint_ended_check CHECK ((status IN ('closed', 'merged', 'settled', 'withdrawn')) = (ended_at IS NOT NULL)),
    ADD CONSTRAINT complaint_merged_check CHECK ((status = 'merged') = (merged_into_id IS NOT NULL)),
    ADD CONSTRAINT complaint_merged_elsewhere_check CHECK (merged_into_id <> id),
    ADD CONSTRAINT complaint_later_harm_check CHECK (later_harm IN ('discomfort', 'hospital', 'injury')),
    ADD CONSTRAINT complaint_anonymous_check CHECK (buyer_id IS NOT NULL OR order_id IS NULL),
    ADD CONSTRAINT complaint_merged_into_id_fk FOREIGN KEY (merged_into_id) REFERENCES complaint (id);
CREATE INDEX complaint_merged_into_idx ON complaint (merged_into_id) WHERE merged_into_id IS NOT NULL;

-- The draft that an addition was made of: one addition each, whose other answers are read from the draft.
ALTER TABLE complaint_entry ADD COLUMN draft_id UUID;
ALTER TABLE complaint_entry
    ADD CONSTRAINT complaint_entry_draft_id_key UNIQUE (draft_id),
    ADD CONSTRAINT complaint_entry_draft_id_fk FOREIGN KEY (draft_id) REFERENCES complaint (id);

-- As in 0002_70_complaints.sql. New: a case that claims nothing may come to
-- claim something; a graver harm may be told later, and the risk with it; a case may become part of another.
CREATE OR REPLACE FUNCTION complaint_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told complaint := NEW;
    harms text[] := '{none,discomfort,injury,hospital}';
BEGIN
    told.status := OLD.status; told.outcome := OLD.outcome; told.seller_id := OLD.seller_id;
    told.product_id := OLD.product_id; told.reached_at := OLD.reached_at; told.answered_at := OLD.answered_at;
    told.ruled_at := OLD.ruled_at; told.ended_at := OLD.ended_at; told.dispute_id := OLD.dispute_id;
    told.match_status := OLD.match_status; told.batch_id := OLD.batch_id; told.link_by := OLD.link_by;
    told.link_is_strict := OLD.link_is_strict;
    IF NEW.status = 'merged' AND OLD.status <> 'merged' THEN
        told.merged_into_id := OLD.merged_into_id;
    END IF;
    IF array_position(harms, NEW.later_harm) > array_position(harms, coalesce(OLD.later_harm, OLD.harm)) THEN
        told.later_harm := OLD.later_harm; told.risk := OLD.risk; told.risk_reason := OLD.risk_reason;
        told.risk_rules := OLD.risk_rules;
    END IF;
    IF OLD.claim_minor IS NULL AND OLD.ended_at IS NULL THEN
        told.claim_minor := OLD.claim_minor; told.currency := OLD.currency; told.hold_id := OLD.hold_id;
    ELSIF OLD.hold_id <> NEW.hold_id AND EXISTS (
        SELECT FROM resolution r WHERE r.hold_id = OLD.hold_id AND r.outcome = 'divided' AND r.cause = 'chargeback'
          AND r.rest_hold_id = NEW.hold_id AND r.rest_minor = NEW.claim_minor) THEN
        told.claim_minor := OLD.claim_minor; told.hold_id := OLD.hold_id;
    END IF;
    IF told IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'complaint_sent' USING ERRCODE = 'FH409', DETAIL = 'what was sent is not changed; add to it';
    END IF;
    IF OLD.ended_at IS NOT NULL AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'complaint_ended' USING ERRCODE = 'FH409', DETAIL = 'this case has ended';
    END IF;
    RETURN NEW;
END $$;

-- Anonymous safety reports ----------------------------------------------------------------------------------------------

-- The first six figures of a receipt find at most three reports; the last ten, hashed, open one of them.
CREATE TABLE report_receipt (
    complaint_id UUID NOT NULL,
    prefix TEXT NOT NULL,
    place BIGINT NOT NULL,
    secret_hash TEXT NOT NULL,
    CONSTRAINT report_receipt_pk PRIMARY KEY (complaint_id),
    CONSTRAINT report_receipt_prefix_place_key UNIQUE (prefix, place),
    CONSTRAINT report_receipt_complaint_id_fk FOREIGN KEY (complaint_id) REFERENCES complaint (id),
    CONSTRAINT report_receipt_prefix_check CHECK (prefix ~ '^[0-9]{6}$'),
    CONSTRAINT report_receipt_place_check CHECK (place BETWEEN 1 AND 3),
    CONSTRAINT report_receipt_secret_hash_check CHECK (secret_hash LIKE '$argon2id$%')
);
SELECT fairhold_append_only('report_receipt');

-- What a receipt gives for an hour: a token that opens one case. Only its SHA-256 is kept, and only until it is over.
CREATE TABLE case_pass (
    token_hash BYTEA NOT NULL,
    case_id UUID NOT NULL,
    language TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT case_pass_pk PRIMARY KEY (token_hash),
    CONSTRAINT case_pass_case_id_fk FOREIGN KEY (case_id) REFERENCES complaint (id),
    CONSTRAINT case_pass_token_hash_check CHECK (octet_length(token_hash) = 32)
);
CREATE INDEX case_pass_expires_idx ON case_pass (expires_at);
REVOKE UPDATE, TRUNCATE ON case_pass FROM {app_role};

-- Limits over time --------------------------------------------------------------------------------------------------------

-- The counts of sign-ins serve every limit over time.
ALTER TABLE sign_in_attempt RENAME TO attempt;
ALTER TABLE attempt RENAME CONSTRAINT sign_in_attempt_pk TO attempt_pk;
ALTER INDEX sign_in_attempt_started_idx RENAME TO attempt_started_idx;

-- How often somebody may do what within a day; of receipts, within a quarter of an hour.
INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from) VALUES
    (uuidv7(), 'limit_complaints_person', '', '', 1, 50, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_complaints_device', '', '', 1, 60, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_complaints_address', '', '', 1, 500, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_entries_person', '', '', 1, 100, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_entries_device', '', '', 1, 150, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_entries_address', '', '', 1, 1000, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_files_person', '', '', 1, 200, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_files_device', '', '', 1, 300, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_files_address', '', '', 1, 2000, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_reports_device', '', '', 1, 5, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_reports_new_device', '', '', 1, 10, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_reports_address', '', '', 1, 100, 'a_day', '2000-01-01Z'),
    (uuidv7(), 'limit_receipts_prefix', '', '', 1, 10, 'a_quarter_hour', '2000-01-01Z'),
    (uuidv7(), 'limit_receipts_address', '', '', 1, 40, 'a_quarter_hour', '2000-01-01Z');
