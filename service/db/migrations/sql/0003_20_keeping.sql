-- Checks of all stored bytes with what they found, and the orders to keep or erase what a case holds.
CREATE TABLE file_check (
    id UUID NOT NULL,
    started_by TEXT NOT NULL,
    is_whole BOOLEAN NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    mark UUID,
    files BIGINT NOT NULL,
    objects BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    CONSTRAINT file_check_pk PRIMARY KEY (id),
    CONSTRAINT file_check_started_by_check CHECK (started_by IN ('command', 'night')),
    CONSTRAINT file_check_ended_check CHECK (ended_at >= started_at),
    CONSTRAINT file_check_counts_check CHECK (files >= 0 AND objects >= 0 AND bytes >= 0 AND findings >= 0)
);
-- One nightly check at a time, however many workers ask for it.
CREATE UNIQUE INDEX file_check_night_key ON file_check (started_by) WHERE started_by = 'night' AND ended_at IS NULL;
CREATE INDEX file_check_started_idx ON file_check (started_at);

CREATE TABLE file_finding (
    id UUID NOT NULL,
    check_id UUID NOT NULL,
    file_id UUID,
    part TEXT,
    bucket TEXT NOT NULL,
    object_name TEXT NOT NULL,
    version_id TEXT,
    what TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT file_finding_pk PRIMARY KEY (id),
    CONSTRAINT file_finding_check_id_fk FOREIGN KEY (check_id) REFERENCES file_check (id),
    CONSTRAINT file_finding_file_id_fk FOREIGN KEY (file_id) REFERENCES stored_file (id),
    CONSTRAINT file_finding_part_check CHECK (part IN ('original', 'thumbnail', 'view')),
    CONSTRAINT file_finding_what_check CHECK (what IN (
        'additional_version', 'changed', 'does_not_open', 'lock_shortened', 'marked_deleted', 'missing', 'not_erased',
        'unknown_object', 'unreadable'))
);
CREATE INDEX file_finding_check_idx ON file_finding (check_id, id);

SELECT fairhold_append_only('file_finding');
-- A check counts on until it has ended; then it stays as it is. What it is never changes.
REVOKE UPDATE, DELETE, TRUNCATE ON file_check FROM {app_role};
GRANT UPDATE (ended_at, mark, files, objects, bytes, findings) ON file_check TO {app_role};
CREATE TRIGGER ended_once BEFORE UPDATE ON file_check
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION fairhold_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON file_check FOR EACH ROW EXECUTE FUNCTION fairhold_refuse_change();

-- Why something was erased, held or let go. Nothing of it is ever changed.
CREATE TABLE complaint_keeping (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    complaint_id UUID NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    files BIGINT NOT NULL,
    ordered_by UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT complaint_keeping_pk PRIMARY KEY (id),
    CONSTRAINT complaint_keeping_tenant_id_complaint_id_fk FOREIGN KEY (tenant_id, complaint_id)
        REFERENCES complaint (tenant_id, id),
    CONSTRAINT complaint_keeping_ordered_by_fk FOREIGN KEY (ordered_by) REFERENCES person (id),
    CONSTRAINT complaint_keeping_action_check CHECK (action IN ('erase', 'hold', 'release')),
    CONSTRAINT complaint_keeping_reason_check CHECK (reason IN (
        'buyer_asked', 'court_order', 'open_proceedings', 'proceedings_over', 'regulator_order', 'set_in_error',
        'unlawful_content')),
    CONSTRAINT complaint_keeping_files_check CHECK (files >= 0)
);
CREATE INDEX complaint_keeping_complaint_idx ON complaint_keeping (complaint_id, id);
SELECT fairhold_append_only('complaint_keeping');

-- Which photos a stored report shows: after an erasure it is not served any more.
CREATE TABLE report_picture (
    report_file_id UUID NOT NULL,
    file_id UUID NOT NULL,
    CONSTRAINT report_picture_pk PRIMARY KEY (report_file_id, file_id),
    CONSTRAINT report_picture_report_file_id_fk FOREIGN KEY (report_file_id) REFERENCES report_file (id),
    CONSTRAINT report_picture_file_id_fk FOREIGN KEY (file_id) REFERENCES stored_file (id)
);
SELECT fairhold_append_only('report_picture');

-- How long originals of a category or jurisdiction stay locked, where that is longer than the installation's own time.
INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from) VALUES
    (uuidv7(), 'keep_evidence', '', '', 1, 0, 'seconds', '2000-01-01Z');
