-- What the seller commits to before shipping, and photos with a one-time code that a mediator asks a side for.

CREATE TABLE order_packing_photo (
    file_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    order_id uuid NOT NULL,
    added_by uuid,
    at timestamptz NOT NULL,
    CONSTRAINT order_packing_photo_pk PRIMARY KEY (file_id),
    CONSTRAINT order_packing_photo_tenant_id_order_id_fk FOREIGN KEY (tenant_id, order_id) REFERENCES "order" (tenant_id, id),
    CONSTRAINT order_packing_photo_tenant_id_file_id_fk FOREIGN KEY (tenant_id, file_id) REFERENCES stored_file (tenant_id, id),
    CONSTRAINT order_packing_photo_added_by_fk FOREIGN KEY (added_by) REFERENCES person (id)
);
CREATE INDEX order_packing_photo_order_idx ON order_packing_photo (order_id, file_id);
SELECT fairhold_append_only('order_packing_photo');

-- Nothing is committed to after the parcel has left. The share lock makes a shipment at the same time wait, or waits
-- for it and then sees that it was sent.
CREATE FUNCTION order_packing_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM "order" WHERE id = NEW.order_id AND status IN ('placed', 'paid') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'packing_closed' USING ERRCODE = 'FH409', DETAIL = 'packing photos are taken before the parcel is sent';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER before_shipping BEFORE INSERT ON order_packing_photo FOR EACH ROW EXECUTE FUNCTION order_packing_open();

CREATE TABLE challenge (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    complaint_id uuid NOT NULL,
    side text NOT NULL,
    status text NOT NULL,
    asked_by uuid,
    asked_at timestamptz NOT NULL,
    open_by timestamptz NOT NULL,
    code text,
    opened_at timestamptz,
    answer_by timestamptz,
    late_at timestamptz,
    file_id uuid,
    ended_at timestamptz,
    verdict text,
    judged_by uuid,
    judged_at timestamptz,
    CONSTRAINT challenge_pk PRIMARY KEY (id),
    CONSTRAINT challenge_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT challenge_tenant_id_complaint_id_fk FOREIGN KEY (tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
    CONSTRAINT challenge_asked_by_fk FOREIGN KEY (asked_by) REFERENCES person (id),
    CONSTRAINT challenge_file_id_fk FOREIGN KEY (file_id) REFERENCES complaint_evidence (file_id),
    CONSTRAINT challenge_judged_by_fk FOREIGN KEY (judged_by) REFERENCES person (id),
    CONSTRAINT challenge_side_check CHECK (side IN ('buyer', 'seller')),
    CONSTRAINT challenge_status_check CHECK (status IN ('answered', 'asked', 'expired', 'opened', 'withdrawn')),
    CONSTRAINT challenge_verdict_check CHECK (verdict IN ('in_frame', 'not_in_frame', 'unreadable')),
    CONSTRAINT challenge_opened_check CHECK (num_nulls(code, opened_at, answer_by) IN (0, 3)),
    CONSTRAINT challenge_code_shown_check CHECK (
        (code IS NOT NULL OR status NOT IN ('opened', 'answered')) AND (code IS NULL OR status <> 'asked')),
    CONSTRAINT challenge_answered_check CHECK ((status = 'answered') = (file_id IS NOT NULL)),
    CONSTRAINT challenge_ended_check CHECK ((status IN ('asked', 'opened')) = (ended_at IS NULL)),
    CONSTRAINT challenge_judged_check CHECK (
        (verdict IS NULL) = (judged_at IS NULL) AND (verdict IS NULL OR status = 'answered'))
);
CREATE INDEX challenge_complaint_idx ON challenge (complaint_id, id);
CREATE UNIQUE INDEX challenge_live_key ON challenge (complaint_id, side) WHERE status IN ('asked', 'opened');
CREATE UNIQUE INDEX challenge_file_key ON challenge (file_id) WHERE file_id IS NOT NULL;
REVOKE DELETE, TRUNCATE ON challenge FROM {app_role};

-- A challenge moves on and never back: what was once written of it stays, its code above all.
CREATE FUNCTION challenge_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       OR (OLD.status, NEW.status) NOT IN (
           ('asked', 'opened'), ('asked', 'expired'), ('asked', 'withdrawn'),
           ('opened', 'answered'), ('opened', 'expired'), ('opened', 'withdrawn'),
           ('answered', 'answered'), ('expired', 'expired'))
       OR EXISTS (
           SELECT FROM jsonb_each(to_jsonb(OLD)) was
           WHERE was.key <> 'status' AND was.value <> 'null' AND was.value IS DISTINCT FROM to_jsonb(NEW) -> was.key)
    THEN
        RAISE EXCEPTION 'challenge_kept' USING ERRCODE = 'FH409', DETAIL = 'a challenge only moves on';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON challenge FOR EACH ROW EXECUTE FUNCTION challenge_keep();

-- What the mediator wants to see, in their words; may be erased, and is never rewritten.
CREATE TABLE challenge_text (
    challenge_id uuid NOT NULL,
    text text NOT NULL,
    CONSTRAINT challenge_text_pk PRIMARY KEY (challenge_id),
    CONSTRAINT challenge_text_challenge_id_fk FOREIGN KEY (challenge_id) REFERENCES challenge (id)
);
REVOKE UPDATE, TRUNCATE ON challenge_text FROM {app_role};

INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from) VALUES
    (uuidv7(), 'open_challenge', '', '', 1, 259200, 'seconds', '2000-01-01Z'),
    (uuidv7(), 'answer_challenge', '', '', 1, 900, 'seconds', '2000-01-01Z');
