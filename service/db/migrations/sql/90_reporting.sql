-- What people call a report is counted; a number may be left out when a report turns out to be the same as an older one.
CREATE SEQUENCE report_number;

REVOKE DELETE, TRUNCATE ON report, report_file FROM {app_role};
REVOKE UPDATE, TRUNCATE ON report_facts FROM {app_role};

-- A stored report stays what it is.
CREATE FUNCTION report_file_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stored text[] := '{pdf_sha256,size_bytes,version_id,stored_at}';
BEGIN
    IF OLD.stored_at IS NOT NULL OR (to_jsonb(NEW) - stored) IS DISTINCT FROM (to_jsonb(OLD) - stored) THEN
        RAISE EXCEPTION 'report_kept' USING ERRCODE = 'FH409', DETAIL = 'a stored report is not changed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON report_file FOR EACH ROW EXECUTE FUNCTION report_file_keep();
