-- Tests and demonstrations: the clock has an offset that only the owner role may write. Readiness reports it.
CREATE TABLE fairhold_clock (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), clock_offset interval NOT NULL);
INSERT INTO fairhold_clock (clock_offset) VALUES (interval '0');
REVOKE ALL ON fairhold_clock FROM {app_role};
GRANT SELECT ON fairhold_clock TO {app_role};
CREATE FUNCTION fairhold_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN now() + (SELECT clock_offset FROM fairhold_clock);
