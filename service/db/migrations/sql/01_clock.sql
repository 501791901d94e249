-- Production: the one clock is the transaction's start, and nobody can move it.
CREATE FUNCTION fairhold_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE RETURN now();
