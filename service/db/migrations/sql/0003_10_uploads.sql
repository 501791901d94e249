-- Which installation this database is. Its buckets carry the same id, so that nobody sweeps the files of another.
-- `server` is the PostgreSQL that the id was given on: a copy that was restored on another one is known by it. A database
-- that was in use before there were marks may adopt buckets that are not empty, if nothing in them contradicts it.
CREATE TABLE installation (
    only_one boolean NOT NULL DEFAULT true,
    id uuid NOT NULL,
    server bigint NOT NULL,
    is_older_than_marks boolean NOT NULL,
    named_at timestamptz NOT NULL,
    CONSTRAINT installation_pk PRIMARY KEY (only_one),
    CONSTRAINT installation_only_one_check CHECK (only_one)
);
INSERT INTO installation (id, server, is_older_than_marks, named_at)
    SELECT gen_random_uuid(), system_identifier, EXISTS (SELECT FROM event), fairhold_now() FROM pg_control_system();
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON installation FROM {app_role};

-- A form that lets a client put one file straight into the storage, until it is completed or has expired.
CREATE TABLE upload (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    case_key_id uuid NOT NULL,
    side text NOT NULL,
    object_name text NOT NULL,
    opened_by uuid,
    size_bytes bigint,
    sha256 bytea,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    completed_at timestamptz,
    file_id uuid,
    CONSTRAINT upload_pk PRIMARY KEY (id),
    CONSTRAINT upload_object_name_key UNIQUE (object_name),
    CONSTRAINT upload_tenant_id_case_key_id_fk FOREIGN KEY (tenant_id, case_key_id) REFERENCES file_key (tenant_id, id),
    CONSTRAINT upload_tenant_id_file_id_fk FOREIGN KEY (tenant_id, file_id) REFERENCES stored_file (tenant_id, id),
    CONSTRAINT upload_expires_check CHECK (expires_at > opened_at),
    CONSTRAINT upload_size_check CHECK (size_bytes > 0),
    CONSTRAINT upload_hash_check CHECK (length(sha256) = 32),
    CONSTRAINT upload_completed_check CHECK ((completed_at IS NULL) = (file_id IS NULL))
);
CREATE INDEX upload_pending_idx ON upload (case_key_id) WHERE completed_at IS NULL;
CREATE INDEX upload_expires_idx ON upload (expires_at);
REVOKE UPDATE, TRUNCATE ON upload FROM {app_role};
GRANT UPDATE (completed_at, file_id) ON upload TO {app_role};

CREATE FUNCTION upload_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'upload_kept' USING ERRCODE = 'FH409', DETAIL = 'an upload is completed once';
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON upload FOR EACH ROW WHEN (OLD.completed_at IS NOT NULL) EXECUTE FUNCTION upload_keep();
