-- What was read on photos of a case: suggestions. One row a photo says that it was looked at, and what of it failed.
CREATE TABLE complaint_photo_reading (
    file_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    complaint_id uuid NOT NULL,
    failure text,
    engine text,
    width_px bigint,
    height_px bigint,
    others jsonb NOT NULL,
    tries bigint NOT NULL DEFAULT 1,
    at timestamptz NOT NULL,
    CONSTRAINT complaint_photo_reading_pk PRIMARY KEY (file_id),
    CONSTRAINT complaint_photo_reading_file_id_fk FOREIGN KEY (file_id) REFERENCES complaint_evidence (file_id),
    CONSTRAINT complaint_photo_reading_tenant_id_complaint_id_fk FOREIGN KEY (tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
    CONSTRAINT complaint_photo_reading_failure_check CHECK (failure IN ('crashed', 'damaged', 'memory', 'timeout', 'unreadable')),
    CONSTRAINT complaint_photo_reading_read_check CHECK (num_nulls(engine, width_px, height_px) = CASE WHEN failure IS NULL THEN 0 ELSE 3 END)
);
CREATE INDEX complaint_photo_reading_complaint_idx ON complaint_photo_reading (complaint_id);
CREATE INDEX complaint_photo_reading_failed_idx ON complaint_photo_reading (at) WHERE failure IN ('crashed', 'memory', 'timeout');
CREATE INDEX complaint_evidence_at_idx ON complaint_evidence (at);

CREATE TABLE complaint_reading (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    complaint_id uuid NOT NULL,
    file_id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    text text NOT NULL,
    source text NOT NULL,
    confidence_percent bigint NOT NULL,
    is_ambiguous boolean NOT NULL,
    region jsonb NOT NULL,
    accepted_at timestamptz,
    accepted_by uuid,
    accepted_as text,
    CONSTRAINT complaint_reading_pk PRIMARY KEY (id),
    CONSTRAINT complaint_reading_file_id_kind_value_key UNIQUE (file_id, kind, value),
    CONSTRAINT complaint_reading_file_id_fk FOREIGN KEY (file_id) REFERENCES complaint_photo_reading (file_id),
    CONSTRAINT complaint_reading_tenant_id_complaint_id_fk FOREIGN KEY (tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
    CONSTRAINT complaint_reading_accepted_by_fk FOREIGN KEY (accepted_by) REFERENCES person (id),
    CONSTRAINT complaint_reading_kind_check CHECK (kind IN ('expiry', 'gtin', 'lot', 'made_on', 'serial', 'url')),
    CONSTRAINT complaint_reading_confidence_check CHECK (confidence_percent BETWEEN 0 AND 100),
    CONSTRAINT complaint_reading_lengths_check CHECK (length(value) BETWEEN 1 AND 120 AND length(text) <= 200),
    CONSTRAINT complaint_reading_accepted_check CHECK ((accepted_at IS NULL) = (accepted_as IS NULL)),
    CONSTRAINT complaint_reading_accepted_as_check CHECK (accepted_as IN ('addition', 'gtin', 'lot_text', 'note'))
);
CREATE INDEX complaint_reading_complaint_idx ON complaint_reading (complaint_id);

-- Written once, but for what may pass: a reading that the reading process failed is replaced by that of the next try.
-- Of a reading it may still be noted that somebody took it over; it goes when the case's key goes.
REVOKE UPDATE, DELETE, TRUNCATE ON complaint_photo_reading, complaint_reading FROM {app_role};
GRANT UPDATE (failure, engine, width_px, height_px, others, tries, at) ON complaint_photo_reading TO {app_role};
GRANT UPDATE (accepted_at, accepted_by, accepted_as) ON complaint_reading TO {app_role};

CREATE FUNCTION complaint_photo_reading_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.failure IN ('crashed', 'memory', 'timeout') AND NEW.tries = OLD.tries + 1 THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'photo_reading_kept' USING ERRCODE = 'FH409', DETAIL = 'what was read of a photo stays';
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON complaint_photo_reading FOR EACH ROW EXECUTE FUNCTION complaint_photo_reading_keep();

-- What a photo said is as erasable as the photo: it goes in the transaction that destroys the key of its case, and
-- nothing is written for a case whose key is gone, however the reading and the erasure race.
CREATE FUNCTION complaint_reading_forget() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM complaint_reading r USING stored_file f WHERE f.case_key_id = NEW.id AND r.file_id = f.id;
    DELETE FROM complaint_photo_reading r USING stored_file f WHERE f.case_key_id = NEW.id AND r.file_id = f.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_readings AFTER UPDATE ON file_key FOR EACH ROW
    WHEN (OLD.destroyed_at IS NULL AND NEW.destroyed_at IS NOT NULL) EXECUTE FUNCTION complaint_reading_forget();

CREATE FUNCTION complaint_photo_reading_needs_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM stored_file f JOIN file_key k ON k.id = f.case_key_id
        WHERE f.id = NEW.file_id AND k.destroyed_at IS NULL FOR SHARE OF k;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'file_erased' USING ERRCODE = 'FH409', DETAIL = 'the key of this case was destroyed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER needs_key BEFORE INSERT ON complaint_photo_reading
    FOR EACH ROW EXECUTE FUNCTION complaint_photo_reading_needs_key();
