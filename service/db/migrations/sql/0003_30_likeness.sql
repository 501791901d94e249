-- How photos look, the photos of listings, and what keeps both as they are.
CREATE TABLE photo_likeness (
	file_id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	hash BIT(256),
	quality BIGINT,
	tries BIGINT DEFAULT 0 NOT NULL,
	tried_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT photo_likeness_pk PRIMARY KEY (file_id),
	CONSTRAINT photo_likeness_tenant_id_file_id_fk FOREIGN KEY (tenant_id, file_id)
		REFERENCES stored_file (tenant_id, id),
	CONSTRAINT photo_likeness_quality_check CHECK (quality BETWEEN 0 AND 100),
	CONSTRAINT photo_likeness_hash_check
		CHECK (CASE WHEN hash IS NULL THEN coalesce(quality, 0) = 0 ELSE quality IS NOT NULL END)
);

-- Photos from before: a job makes their hashes from what people see of them.
INSERT INTO photo_likeness (file_id, tenant_id)
SELECT id, tenant_id FROM stored_file WHERE kind <> 'pdf' AND state <> 'erased';
CREATE INDEX photo_likeness_waiting_idx ON photo_likeness (file_id) WHERE quality IS NULL;

-- Sixteen words of sixteen bits, each with its place above them, so that words of different places never meet.
CREATE FUNCTION photo_likeness_words(hash bit) RETURNS int[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ARRAY[
    0 + substring(hash, 1, 16)::bit(16)::int,
    65536 + substring(hash, 17, 16)::bit(16)::int,
    131072 + substring(hash, 33, 16)::bit(16)::int,
    196608 + substring(hash, 49, 16)::bit(16)::int,
    262144 + substring(hash, 65, 16)::bit(16)::int,
    327680 + substring(hash, 81, 16)::bit(16)::int,
    393216 + substring(hash, 97, 16)::bit(16)::int,
    458752 + substring(hash, 113, 16)::bit(16)::int,
    524288 + substring(hash, 129, 16)::bit(16)::int,
    589824 + substring(hash, 145, 16)::bit(16)::int,
    655360 + substring(hash, 161, 16)::bit(16)::int,
    720896 + substring(hash, 177, 16)::bit(16)::int,
    786432 + substring(hash, 193, 16)::bit(16)::int,
    851968 + substring(hash, 209, 16)::bit(16)::int,
    917504 + substring(hash, 225, 16)::bit(16)::int,
    983040 + substring(hash, 241, 16)::bit(16)::int
];

-- Hashes of quality under 50 are left out: of a plain photo, they are near those of every other plain one. Without the
-- pending list a search need not read what nobody has sorted in yet.
CREATE INDEX photo_likeness_words_idx ON photo_likeness USING gin (photo_likeness_words(hash))
WITH (fastupdate = off) WHERE quality >= 50;

-- The photos whose hash differs from `wanted` in at most `reach` bits; exact up to 31. Then one word of the sixteen
-- differs in at most one bit, so each word is looked up as it is and with each bit turned, and the whole hash decides.
-- The planner cannot know how few that are, and would read all hashes.
CREATE FUNCTION photo_likeness_near(wanted bit, reach int) RETURNS TABLE (file_id uuid, distance bigint)
LANGUAGE sql STABLE STRICT ROWS 10 SET enable_seqscan = off AS $$
    SELECT l.file_id, bit_count(l.hash # wanted) FROM photo_likeness l
    WHERE l.quality >= 50 AND bit_count(l.hash # wanted) <= reach
      AND photo_likeness_words(l.hash) && ARRAY(
          SELECT word # flip FROM unnest(photo_likeness_words(wanted)) word, unnest('{0,1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768}'::int[]) flip)
$$;

-- Copies with the same bytes are found whatever there is to see on them.
CREATE INDEX stored_file_sha256_idx ON stored_file (sha256_plain);

-- A hash is made once. It goes when its photo is erased, and only then: it tells a little of what was to be seen.
REVOKE UPDATE, DELETE, TRUNCATE ON photo_likeness FROM {app_role};
GRANT UPDATE (hash, quality, tries, tried_at) ON photo_likeness TO {app_role};

CREATE FUNCTION photo_likeness_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.quality IS NULL AND (NEW.file_id, NEW.tenant_id) = (OLD.file_id, OLD.tenant_id) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM stored_file WHERE id = OLD.file_id AND state = 'erased') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'photo_likeness_kept' USING ERRCODE = 'FH409', DETAIL = 'the likeness of a photo stays with it';
END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON photo_likeness FOR EACH ROW EXECUTE FUNCTION photo_likeness_keep();

CREATE FUNCTION photo_likeness_forget() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM photo_likeness WHERE file_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_likeness AFTER UPDATE OF state ON stored_file FOR EACH ROW WHEN (NEW.state = 'erased')
EXECUTE FUNCTION photo_likeness_forget();

-- Photos that a seller shows of a batch. Taken away, they are not shown any more, but a later copy still finds them.
CREATE TABLE batch_photo (
	file_id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	batch_id UUID NOT NULL,
	added_by UUID,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT batch_photo_pk PRIMARY KEY (file_id),
	CONSTRAINT batch_photo_tenant_id_file_id_fk FOREIGN KEY (tenant_id, file_id)
		REFERENCES stored_file (tenant_id, id),
	CONSTRAINT batch_photo_batch_id_fk FOREIGN KEY (batch_id) REFERENCES batch (id),
	CONSTRAINT batch_photo_added_by_fk FOREIGN KEY (added_by) REFERENCES person (id)
);
CREATE INDEX batch_photo_batch_idx ON batch_photo (batch_id, file_id);

CREATE TABLE batch_photo_removal (
	file_id UUID NOT NULL,
	removed_by UUID,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT batch_photo_removal_pk PRIMARY KEY (file_id),
	CONSTRAINT batch_photo_removal_file_id_fk FOREIGN KEY (file_id) REFERENCES batch_photo (file_id),
	CONSTRAINT batch_photo_removal_removed_by_fk FOREIGN KEY (removed_by) REFERENCES person (id)
);
SELECT fairhold_append_only('batch_photo');
SELECT fairhold_append_only('batch_photo_removal');
