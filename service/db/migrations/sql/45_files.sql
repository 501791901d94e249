-- What was stored stays as it was: a file only moves forward in its life, a destroyed key never comes back.
REVOKE DELETE, TRUNCATE ON stored_file, file_key FROM {app_role};

CREATE FUNCTION stored_file_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       OR (to_jsonb(NEW) - '{state,version_id,locked_at,erased_at}'::text[])
          IS DISTINCT FROM (to_jsonb(OLD) - '{state,version_id,locked_at,erased_at}'::text[])
       OR (OLD.state, NEW.state) NOT IN (('quarantined', 'locked'), ('quarantined', 'erased'), ('locked', 'erased'))
       OR (OLD.locked_at IS NOT NULL AND (OLD.locked_at, OLD.version_id) IS DISTINCT FROM (NEW.locked_at, NEW.version_id))
    THEN
        RAISE EXCEPTION 'file_kept' USING ERRCODE = 'FH409', DETAIL = 'a stored file is not changed or deleted';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON stored_file FOR EACH ROW EXECUTE FUNCTION stored_file_keep();

CREATE FUNCTION file_key_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       OR OLD.destroyed_at IS NOT NULL
       OR (NEW.id, NEW.tenant_id, NEW.case_id, NEW.made_at)
          IS DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.case_id, OLD.made_at)
       OR (NEW.wrapped_key IS NOT NULL AND NEW.wrapped_key <> OLD.wrapped_key)
    THEN
        RAISE EXCEPTION 'file_key_kept' USING ERRCODE = 'FH409', DETAIL = 'a file key is only held or destroyed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON file_key FOR EACH ROW EXECUTE FUNCTION file_key_keep();

-- A key may be destroyed only when nobody holds it, and no file joins a case whose key is gone.
CREATE FUNCTION stored_file_needs_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM file_key WHERE id = NEW.case_key_id AND destroyed_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'file_erased' USING ERRCODE = 'FH409', DETAIL = 'the key of this case was destroyed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER needs_key BEFORE INSERT ON stored_file FOR EACH ROW EXECUTE FUNCTION stored_file_needs_key();
