-- The sweep: holds that change in place, a queue of what falls due, and one statement that ends any number of holds.
-- What 30_escrow.sql guarantees is kept; docs/performance.md says what each guarantee costs.

-- The queue ----------------------------------------------------------------------------------------------------------

-- No index of `hold` has a column that changes in its life, so that an update writes no index (HOT): deliveries, freezes
-- and ends did that in eight indexes. What falls due is a row of `hold_due` instead, kept by the triggers below.
DROP INDEX hold_due_idx;
DROP INDEX hold_open_seller_idx;
ALTER TABLE hold DROP CONSTRAINT hold_currency_check, ADD CONSTRAINT hold_currency_check CHECK (length(currency) = 3);
DROP INDEX hold_open_age_idx;
DROP INDEX hold_open_part_idx;
CREATE INDEX hold_age_idx ON hold (funded_at) WHERE parent_hold_id IS NULL;
CREATE INDEX hold_part_idx ON hold (id) WHERE parent_hold_id IS NOT NULL;
DROP INDEX hold_tenant_idx;  -- the same columns as the key hold_tenant_id_id_key
ALTER TABLE hold SET (fillfactor = 85);

-- Pausing and resuming go along these in chunks, each behind the last.
DROP INDEX hold_batch_idx;
CREATE INDEX hold_batch_idx ON hold (batch_id, id) WHERE batch_id IS NOT NULL;
DROP INDEX hold_freeze_source_idx;
CREATE INDEX hold_freeze_source_idx ON hold_freeze (source_id, hold_id) WHERE lifted_at IS NULL;

-- Each event costs two indexes instead of four: its key is (xid, seq), by which it is relayed and sealed.
ALTER TABLE event DROP CONSTRAINT event_pk, DROP CONSTRAINT event_id_key;
DROP INDEX event_relay_idx;
ALTER TABLE event ADD CONSTRAINT event_pk PRIMARY KEY (xid, seq);

-- Workers take sellers by shards, so that two never wait for one seller's balance. rules.SHARDS has the same figure.
CREATE FUNCTION fairhold_shard(seller_id uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN get_byte(uuid_send(seller_id), 15) & 63;

-- The running windows, in the order of their ends.
CREATE TABLE hold_due (
    shard BIGINT NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    hold_id UUID NOT NULL,
    CONSTRAINT hold_due_pk PRIMARY KEY (shard, ends_at, hold_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.2);
REVOKE INSERT, UPDATE, DELETE ON hold_due FROM {app_role};
INSERT INTO hold_due (shard, ends_at, hold_id)
SELECT fairhold_shard(seller_id), window_ends_at, id FROM hold WHERE window_ends_at IS NOT NULL;

-- The application changes the window's columns in one way: by a delivery. Everything else is done by the functions of
-- this file, which run as the owner. The condition asks only who it is: it is evaluated for each hold that a sweep ends.
CREATE FUNCTION fairhold_deliver_hold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.state <> 'awaiting_delivery' OR NEW.state <> 'in_window' OR NEW.has_used_floor <> OLD.has_used_floor
        OR NEW.delivered_at IS NULL
        OR NOT coalesce(NEW.window_ends_at > NEW.delivered_at, NEW.window_left_seconds > 0, false) THEN
        RAISE EXCEPTION 'window_fixed' USING ERRCODE = 'FH409',
            DETAIL = 'a window starts with a delivery, and only freezes and the end of the hold change it';
    END IF;
    IF NEW.window_ends_at IS NOT NULL THEN
        INSERT INTO hold_due (shard, ends_at, hold_id)
        VALUES (fairhold_shard(NEW.seller_id), NEW.window_ends_at, NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER deliver_hold
    AFTER UPDATE OF state, window_ends_at, window_left_seconds, has_used_floor, delivered_at, proof_kind, proof_id ON hold
    FOR EACH ROW WHEN (current_user = '{app_role}') EXECUTE FUNCTION fairhold_deliver_hold();

-- The seller's part of a ruling on a frozen hold: its window is over, and it is paid when the last freeze is lifted.
CREATE FUNCTION fairhold_owe_seller(hold_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE hold SET state = 'in_window', window_left_seconds = 0, has_used_floor = true
    WHERE id = hold_id AND ended_at IS NULL AND freeze_count > 0;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'hold_state' USING ERRCODE = 'FH409', DETAIL = 'only an open, frozen hold waits for its freezes';
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_owe_seller(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fairhold_owe_seller(uuid) TO {app_role};

-- Freezes and funding: as in 30_escrow.sql, and the queue -------------------------------------------------------------

-- A plan is kept for the session, whether its first call brought one row or a thousand, and whether statistics were fresh.
-- So each function has its planner look rows up by their keys, and joins no two tables of new rows.

CREATE OR REPLACE FUNCTION fairhold_freeze_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
    wanted bigint;
    frozen bigint;
BEGIN
    SELECT count(DISTINCT hold_id) INTO wanted FROM new_rows WHERE lifted_at IS NULL;
    WITH frozen_holds AS (
        UPDATE hold h SET
            freeze_count = h.freeze_count + n.added,
            window_left_seconds = CASE WHEN h.window_ends_at IS NULL THEN h.window_left_seconds
                ELSE greatest(0, ceil(extract(epoch FROM h.window_ends_at - n.at)))::bigint END,
            window_ends_at = NULL
        FROM (SELECT hold_id, count(*) AS added, min(at) AS at FROM new_rows WHERE lifted_at IS NULL GROUP BY hold_id) n
        WHERE h.id = n.hold_id AND h.ended_at IS NULL
        RETURNING WITH (OLD AS before) h.id, h.seller_id, before.window_ends_at
    ), paused AS (
        DELETE FROM hold_due d USING frozen_holds h
        WHERE d.shard = fairhold_shard(h.seller_id) AND d.ends_at = h.window_ends_at AND d.hold_id = h.id
    ), told AS (
        INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts)
        SELECT n.id, 'hold.frozen', 'hold', h.id, h.tenant_id, n.actor_id, n.at,
               jsonb_build_object('reference_id', h.reference_id, 'kind', n.kind, 'source_id', n.source_id)
        FROM new_rows n JOIN hold h ON h.id = n.hold_id WHERE n.lifted_at IS NULL
    )
    SELECT count(*) INTO frozen FROM frozen_holds;
    IF frozen <> wanted THEN
        RAISE EXCEPTION 'hold_state' USING ERRCODE = 'FH409', DETAIL = 'only an open hold can be frozen';
    END IF;
    RETURN NULL;
END $$;

-- 259200 s are the 72 hours of rules.RESUME_FLOOR; a test compares them. Every row was live before: `lift_once` sees to it.
CREATE OR REPLACE FUNCTION fairhold_lift_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
BEGIN
    WITH lifted AS (
        SELECT hold_id, count(*) AS gone, max(lifted_at) AS at FROM new_rows GROUP BY hold_id
    ), unfrozen AS (
        UPDATE hold h SET
            freeze_count = h.freeze_count - l.gone,
            window_ends_at = CASE WHEN h.window_left_seconds IS NOT NULL AND h.freeze_count = l.gone THEN
                l.at + make_interval(secs => CASE WHEN h.has_used_floor THEN h.window_left_seconds
                    ELSE greatest(h.window_left_seconds, 259200) END) END,
            has_used_floor = h.has_used_floor OR coalesce(h.freeze_count = l.gone AND h.window_left_seconds < 259200, false),
            window_left_seconds = CASE WHEN h.freeze_count = l.gone THEN NULL ELSE h.window_left_seconds END
        FROM lifted l WHERE h.id = l.hold_id
        RETURNING h.id, h.seller_id, h.window_ends_at
    ), resumed AS (
        INSERT INTO hold_due (shard, ends_at, hold_id)
        SELECT fairhold_shard(seller_id), window_ends_at, id FROM unfrozen WHERE window_ends_at IS NOT NULL
    )
    INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts)
    SELECT uuidv7(), 'hold.freeze_lifted', 'hold', h.id, h.tenant_id, n.lifted_by, n.lifted_at,
           jsonb_build_object('reference_id', h.reference_id, 'kind', n.kind, 'source_id', n.source_id)
    FROM new_rows n JOIN hold h ON h.id = n.hold_id;
    RETURN NULL;
END $$;

-- Lets open holds inherit the live freezes of their scopes. Takes the scopes FOR SHARE one after the other, so that a freeze
-- commits either before (and is counted on its row) or after the caller (and then finds the holds); makes missing ones.
CREATE OR REPLACE FUNCTION fairhold_inherit_freezes(hold_ids uuid[], frozen_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
    wanted record;
    freezes bigint;
    is_frozen boolean := false;
BEGIN
    FOR wanted IN SELECT DISTINCT s.kind, s.key FROM hold h, fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s
                  WHERE h.id = ANY (hold_ids) ORDER BY 1, 2 LOOP
        SELECT freeze_count INTO freezes FROM scope WHERE kind = wanted.kind AND key = wanted.key FOR SHARE;
        IF NOT FOUND THEN
            INSERT INTO scope (kind, key) VALUES (wanted.kind, wanted.key) ON CONFLICT DO NOTHING;
            SELECT freeze_count INTO freezes FROM scope WHERE kind = wanted.kind AND key = wanted.key FOR SHARE;
        END IF;
        is_frozen := is_frozen OR freezes > 0;
    END LOOP;
    IF is_frozen THEN
        INSERT INTO hold_freeze (id, hold_id, kind, source_id, at)
        SELECT uuidv7(), w.hold_id, 'scope', w.freeze_id, frozen_at FROM (
            SELECT DISTINCT h.id AS hold_id, f.id AS freeze_id
            FROM hold h, fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s
            JOIN scope_freeze_member m ON m.kind = s.kind AND m.key = s.key
            JOIN scope_freeze f ON f.id = m.freeze_id AND f.lifted_at IS NULL
            WHERE h.id = ANY (hold_ids) AND h.ended_at IS NULL) w
        ON CONFLICT (hold_id, source_id) WHERE lifted_at IS NULL DO NOTHING;
    END IF;
END $$;

-- Makes the two parts of a divided hold, with its live freezes. Those that the parts have already, by their scopes, conflict
-- and are not looked up: a plan with old statistics read all rows of a scope's freeze for each division.
CREATE OR REPLACE FUNCTION fairhold_divide_hold(parent uuid, claimed uuid, claimed_minor bigint, rest uuid,
                                                rest_minor bigint, divided_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
BEGIN
    INSERT INTO hold (id, tenant_id, reference_id, payment_id, parent_hold_id, seller_id, buyer_id, product_id, batch_id,
                      currency, amount_minor, fee_bps, state, window_ends_at, has_used_floor, funded_at, delivered_at,
                      proof_kind, proof_id)
    SELECT c.id, h.tenant_id, h.reference_id, h.payment_id, h.id, h.seller_id, h.buyer_id, h.product_id, h.batch_id,
           h.currency, c.amount_minor, h.fee_bps, h.state,
           coalesce(h.window_ends_at, divided_at + make_interval(secs => h.window_left_seconds)), h.has_used_floor,
           divided_at, h.delivered_at, h.proof_kind, h.proof_id
    FROM hold h, (VALUES (claimed, claimed_minor), (rest, rest_minor)) c (id, amount_minor) WHERE h.id = parent;

    INSERT INTO hold_freeze (id, hold_id, kind, source_id, actor_id, at)
    SELECT uuidv7(), c.id, f.kind, f.source_id, f.actor_id, divided_at
    FROM hold_freeze f, (VALUES (claimed), (rest)) c (id) WHERE f.hold_id = parent AND f.lifted_at IS NULL
    ON CONFLICT (hold_id, source_id) WHERE lifted_at IS NULL DO NOTHING;
END $$;

-- A hold has its money from a done capture with the same facts, or from the division of its parent; else it cannot be.
-- A currency's accounts are opened all at once, so where its dividing account is, only a seller's payable can be missing.
CREATE OR REPLACE FUNCTION fairhold_fund_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
    wanted bigint;
    funded bigint;
    parts bigint := 0;
    frozen_at timestamptz;
    hold_ids uuid[];
    has_windows boolean;
    has_parts boolean;
BEGIN
    SELECT count(*), max(funded_at), array_agg(id), bool_or(window_ends_at IS NOT NULL), bool_or(parent_hold_id IS NOT NULL)
    INTO wanted, frozen_at, hold_ids, has_windows, has_parts FROM new_rows;
    IF wanted = 0 THEN
        RETURN NULL;
    END IF;

    IF EXISTS (SELECT FROM new_rows n
               WHERE NOT EXISTS (SELECT FROM account a WHERE a.id = 'payable:' || n.seller_id || ':' || n.currency)
                  OR NOT EXISTS (SELECT FROM account a WHERE a.id = 'dividing:' || n.currency)) THEN
        INSERT INTO account (id, kind, owner_id, currency, balance_mode)
        SELECT DISTINCT 'payable:' || seller_id || ':' || currency AS id, 'payable' AS kind, seller_id AS owner_id,
               currency, 'locked' AS balance_mode FROM new_rows
        UNION
        SELECT kind || ':' || currency, kind, NULL, currency, 'derived' FROM (SELECT DISTINCT currency FROM new_rows) c,
               unnest(ARRAY['gateway', 'held', 'fees', 'refunds', 'dividing']) kind
        ORDER BY 1 ON CONFLICT DO NOTHING;
    END IF;

    INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)
    SELECT n.id, 'fund', n.id, 'gateway:' || n.currency, 'held:' || n.currency, n.currency, n.amount_minor, n.funded_at
    FROM new_rows n CROSS JOIN LATERAL (SELECT * FROM payment x WHERE x.id = n.payment_id OFFSET 0) p
    WHERE n.parent_hold_id IS NULL AND p.kind = 'capture' AND p.state = 'done' AND p.tenant_id = n.tenant_id
      AND p.reference_id = n.reference_id AND p.seller_id = n.seller_id AND p.product_id = n.product_id
      AND p.currency = n.currency AND p.amount_minor = n.amount_minor AND p.fee_bps = n.fee_bps;
    GET DIAGNOSTICS funded = ROW_COUNT;
    IF has_parts THEN
        INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)
        SELECT n.id, 'fund', n.id, 'dividing:' || n.currency, 'held:' || n.currency, n.currency, n.amount_minor,
               n.funded_at
        FROM new_rows n CROSS JOIN LATERAL (SELECT * FROM resolution x WHERE x.hold_id = n.parent_hold_id OFFSET 0) r
        WHERE r.outcome = 'divided' AND ((n.id = r.claimed_hold_id AND n.amount_minor = r.claimed_minor)
           OR (n.id = r.rest_hold_id AND n.amount_minor = r.rest_minor));
        GET DIAGNOSTICS parts = ROW_COUNT;
    END IF;
    IF funded + parts <> wanted THEN
        RAISE EXCEPTION 'hold_unfunded' USING ERRCODE = 'FH409', DETAIL = 'a hold needs a done capture with its facts';
    END IF;

    IF has_windows THEN
        INSERT INTO hold_due (shard, ends_at, hold_id)
        SELECT fairhold_shard(seller_id), window_ends_at, id FROM new_rows WHERE window_ends_at IS NOT NULL;
    END IF;
    PERFORM fairhold_inherit_freezes(hold_ids, frozen_at);
    RETURN NULL;
END $$;

-- The end ------------------------------------------------------------------------------------------------------------

-- Ends the holds of the new resolutions, with all that belongs to it in one statement that is driven by the rows it ended;
-- it raises unless the counts agree. A seller is paid only while no freeze lies on the hold's scopes, whether its row was
-- paused yet or not. A balance changes once for each seller, in the order of the accounts.
CREATE OR REPLACE FUNCTION fairhold_end_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
    time_now timestamptz := fairhold_now();
    wanted bigint;
    pays_buyers boolean;
    divides boolean;
    paying uuid[];
    done record;
    division record;
BEGIN
    SELECT count(*), bool_or(buyer_minor > 0), bool_or(outcome = 'divided'),
           array_agg(hold_id) FILTER (WHERE seller_minor + fee_minor > 0)
    INTO wanted, pays_buyers, divides, paying FROM new_rows;
    IF wanted = 0 THEN
        RETURN NULL;
    END IF;
    IF paying IS NOT NULL THEN
        PERFORM fairhold_check_scopes(paying);
    END IF;
    IF divides THEN
        FOR division IN SELECT * FROM new_rows WHERE outcome = 'divided' ORDER BY hold_id LOOP
            PERFORM fairhold_divide_hold(division.hold_id, division.claimed_hold_id, division.claimed_minor,
                                         division.rest_hold_id, division.rest_minor, division.at);
        END LOOP;
    END IF;

    WITH ended AS (
        UPDATE hold h SET state = r.outcome, ended_at = r.at, window_ends_at = NULL, window_left_seconds = NULL
        FROM new_rows r
        WHERE h.id = r.hold_id AND h.ended_at IS NULL
          AND h.tenant_id = r.tenant_id AND h.seller_id = r.seller_id AND h.currency = r.currency
          AND h.amount_minor = r.amount_minor AND h.fee_bps = r.fee_bps AND r.at <= time_now
          AND (h.freeze_count = 0 OR r.seller_minor + r.fee_minor = 0)
          AND (h.window_ends_at IS NOT NULL OR r.outcome <> 'released')
          AND (h.window_ends_at <= r.at OR r.cause <> 'sweep')
        RETURNING WITH (OLD AS before) r.*, h.reference_id, h.payment_id, h.buyer_id, h.product_id, h.batch_id,
            before.window_ends_at
    ), unqueued AS (
        DELETE FROM hold_due d USING ended e
        WHERE d.shard = fairhold_shard(e.seller_id) AND d.ends_at = e.window_ends_at AND d.hold_id = e.hold_id
    ), moved AS (
        INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)
        SELECT hold_id, 'release', hold_id, 'held:' || currency, 'payable:' || seller_id || ':' || currency, currency,
               seller_minor, at FROM ended WHERE paying IS NOT NULL AND seller_minor > 0
        UNION ALL
        SELECT hold_id, 'fee', hold_id, 'held:' || currency, 'fees:' || currency, currency, fee_minor, at
        FROM ended WHERE paying IS NOT NULL AND fee_minor > 0
        UNION ALL
        SELECT hold_id, CASE outcome WHEN 'charged_back' THEN 'charge_back' ELSE 'refund' END, hold_id, 'held:' || currency,
               CASE outcome WHEN 'charged_back' THEN 'gateway:' ELSE 'refunds:' END || currency, currency, buyer_minor, at
        FROM ended WHERE pays_buyers AND buyer_minor > 0
        UNION ALL
        SELECT hold_id, 'divide', hold_id, 'held:' || currency, 'dividing:' || currency, currency,
               claimed_minor + rest_minor, at FROM ended WHERE divides AND outcome = 'divided'
    ), refunded AS (
        INSERT INTO payment (id, tenant_id, kind, reference_id, hold_id, original_id, seller_id, buyer_id, product_id,
                             batch_id, currency, amount_minor, fee_bps, requested_at)
        SELECT uuidv7(), e.tenant_id, 'refund', e.reference_id, e.hold_id, e.payment_id, e.seller_id, e.buyer_id,
               e.product_id, e.batch_id, e.currency, e.buyer_minor, 0, e.at
        FROM ended e WHERE pays_buyers AND e.buyer_minor > 0 AND e.outcome <> 'charged_back'
    ), told AS (
        INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts)
        SELECT e.hold_id, 'hold.' || e.outcome, 'hold', e.hold_id, e.tenant_id, e.actor_id, e.at, jsonb_strip_nulls(
            jsonb_build_object('reference_id', e.reference_id, 'seller_id', e.seller_id, 'cause', e.cause,
                'decision_id', e.decision_id, 'currency', e.currency, 'amount_minor', e.amount_minor,
                'buyer_minor', CASE e.outcome WHEN 'split' THEN e.buyer_minor END,
                'claimed_hold_id', e.claimed_hold_id, 'rest_hold_id', e.rest_hold_id))
        FROM ended e
    ), owed AS MATERIALIZED (
        SELECT 'payable:' || seller_id || ':' || currency AS account, total FROM (
            SELECT seller_id, currency, sum(seller_minor)::bigint AS total FROM ended WHERE seller_minor > 0
            GROUP BY seller_id, currency) s ORDER BY 1
    ), paid AS (
        UPDATE account a SET balance_minor = a.balance_minor + o.total FROM owed o WHERE a.id = o.account RETURNING 1
    )
    SELECT (SELECT count(*) FROM ended) AS ended, (SELECT count(*) FROM owed) AS owed, (SELECT count(*) FROM paid) AS paid
    INTO done;
    IF done.ended <> wanted THEN
        RAISE EXCEPTION 'hold_not_endable' USING ERRCODE = 'FH409',
            DETAIL = 'the hold has ended, is frozen or not due, or differs from the resolution';
    ELSIF done.paid <> done.owed THEN
        RAISE EXCEPTION 'account_missing' USING ERRCODE = 'FH409', DETAIL = 'a seller has no payable account';
    END IF;

    IF divides THEN
        FOR division IN SELECT hold_id, at, actor_id FROM new_rows WHERE outcome = 'divided' ORDER BY hold_id LOOP
            UPDATE hold_freeze f SET lifted_at = greatest(f.at, division.at), lifted_by = division.actor_id
            WHERE f.hold_id = division.hold_id AND f.lifted_at IS NULL;
        END LOOP;
    END IF;
    RETURN NULL;
END $$;

-- The sweep ----------------------------------------------------------------------------------------------------------

-- Releases up to `batch` holds whose windows ended 5 s (rules.SWEEP_MARGIN) before `released_at`, from those `shards`, in
-- the order given, that no other sweep has at the moment; returns how many. It waits for nobody but an account: holds that
-- anyone has locked are passed over, and judged as they are when locked; frozen scopes are left out, whether their holds
-- were paused yet or not. While an alert stops the sweep, nothing is released.
--
-- The gate (advisory lock 7302) makes the look at frozen scopes certain without locking two scopes for each hold. A sweep
-- takes it in share mode before the statement that looks; a freeze takes it alone, behind its scopes' rows, and keeps it
-- until its commit. So the sweep ends before the freeze commits, or sees it, or does not begin.
--
-- It does for due holds what fairhold_end_holds does for any, and writes the same rows (a test compares them). It is a
-- statement of its own because a trigger would have to find each hold again by its key: that took a fifth of the time.
CREATE FUNCTION fairhold_release_due(released_at timestamptz, shards bigint[], batch bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
    due timestamptz := released_at - interval '5 s';
    done record;
BEGIN
    IF released_at > fairhold_now() THEN
        RAISE EXCEPTION 'release_too_early' USING ERRCODE = 'FH422', DETAIL = 'nothing is released ahead of time';
    END IF;
    IF NOT pg_try_advisory_xact_lock_shared(7302, 0) THEN
        RETURN 0;
    END IF;

    WITH taken AS (
        SELECT s.shard FROM unnest(shards) s (shard)
        WHERE NOT EXISTS (SELECT FROM alert WHERE stops_sweep AND cleared_at IS NULL)
          AND pg_try_advisory_xact_lock(7301, s.shard::int)
    ), locked AS MATERIALIZED (
        SELECT l.hold_at, l.due_at FROM taken t CROSS JOIN LATERAL (
            SELECT h.ctid AS hold_at, d.ctid AS due_at
            FROM hold_due d JOIN hold h ON h.id = d.hold_id
            WHERE d.shard = t.shard AND d.ends_at <= due AND h.window_ends_at <= due
              AND (NOT EXISTS (SELECT FROM scope x WHERE x.freeze_count > 0) OR NOT (
                  h.seller_id IN (SELECT x.key::uuid FROM scope x WHERE x.kind = 'seller' AND x.freeze_count > 0)
                  OR CASE WHEN h.batch_id IS NULL THEN h.seller_id || ':' || h.product_id IN (
                          SELECT x.key FROM scope x WHERE x.kind = 'seller_product' AND x.freeze_count > 0)
                      ELSE h.batch_id IN (SELECT x.key::uuid FROM scope x WHERE x.kind = 'batch' AND x.freeze_count > 0) END))
            ORDER BY d.ends_at, d.hold_id LIMIT batch FOR UPDATE OF h SKIP LOCKED) l
        LIMIT batch
    ), ended AS (
        UPDATE hold h SET state = 'released', ended_at = released_at, window_ends_at = NULL
        WHERE h.ctid = ANY (ARRAY(SELECT hold_at FROM locked))
        RETURNING h.id, h.tenant_id, h.seller_id, h.reference_id, h.currency, h.amount_minor, h.fee_bps,
            h.amount_minor / 10000 * h.fee_bps + mod(h.amount_minor, 10000) * h.fee_bps / 10000 AS fee_minor
    ), unqueued AS (
        DELETE FROM hold_due d WHERE d.ctid = ANY (ARRAY(SELECT due_at FROM locked))
    ), resolved AS (
        INSERT INTO resolution (hold_id, tenant_id, seller_id, outcome, cause, currency, amount_minor, fee_bps,
                                buyer_minor, seller_minor, fee_minor, at)
        SELECT id, tenant_id, seller_id, 'released', 'sweep', currency, amount_minor, fee_bps,
               0, amount_minor - fee_minor, fee_minor, released_at FROM ended
    ), moved AS (
        INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)
        SELECT id, 'release', id, 'held:' || currency, 'payable:' || seller_id || ':' || currency, currency,
               amount_minor - fee_minor, released_at FROM ended WHERE amount_minor > fee_minor
        UNION ALL
        SELECT id, 'fee', id, 'held:' || currency, 'fees:' || currency, currency, fee_minor, released_at
        FROM ended WHERE fee_minor > 0
    ), told AS (
        -- The parts stand in the resolution. Written as text: jsonb_build_object looks up each argument's type again for each row.
        INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, at, facts)
        SELECT id, 'hold.released', 'hold', id, tenant_id, released_at, (
            '{"cause": "sweep", "currency": "' || currency || '", "reference_id": "' || reference_id
            || '", "seller_id": "' || seller_id || '", "amount_minor": ' || amount_minor || '}')::jsonb FROM ended
    ), owed AS MATERIALIZED (
        SELECT 'payable:' || seller_id || ':' || currency AS account, total FROM (
            SELECT seller_id, currency, sum(amount_minor - fee_minor)::bigint AS total FROM ended
            WHERE amount_minor > fee_minor GROUP BY seller_id, currency) s ORDER BY 1
    ), paid AS (
        UPDATE account a SET balance_minor = a.balance_minor + o.total FROM owed o WHERE a.id = o.account RETURNING 1
    )
    SELECT (SELECT count(*) FROM locked) AS locked, (SELECT count(*) FROM ended) AS ended,
           (SELECT count(*) FROM owed) AS owed, (SELECT count(*) FROM paid) AS paid INTO done;
    IF done.ended <> done.locked THEN
        RAISE EXCEPTION 'hold_changed' USING ERRCODE = '40001', DETAIL = 'a hold changed while it was being locked';
    ELSIF done.paid <> done.owed THEN
        RAISE EXCEPTION 'account_missing' USING ERRCODE = 'FH409', DETAIL = 'a seller has no payable account';
    END IF;
    RETURN done.ended;
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_release_due(timestamptz, bigint[], bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fairhold_release_due(timestamptz, bigint[], bigint) TO {app_role};
CREATE INDEX scope_frozen_idx ON scope (kind, key) WHERE freeze_count > 0;

-- Only the sweep inserts resolutions as the owner. Anything else that the owner's functions might insert is refused rather
-- than left without its effects.
CREATE FUNCTION fairhold_check_sweep() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows WHERE cause <> 'sweep' OR outcome <> 'released') THEN
        RAISE EXCEPTION 'resolution_of_owner' USING ERRCODE = 'FH409', DETAIL = 'the owner ends holds by the sweep alone';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER end_holds ON resolution;
DO $$ BEGIN
    EXECUTE format('CREATE TRIGGER end_holds AFTER INSERT ON resolution REFERENCING NEW TABLE AS new_rows'
                   ' FOR EACH STATEMENT WHEN (current_user <> %L) EXECUTE FUNCTION fairhold_end_holds()', current_user);
    EXECUTE format('CREATE TRIGGER check_sweep AFTER INSERT ON resolution REFERENCING NEW TABLE AS new_rows'
                   ' FOR EACH STATEMENT WHEN (current_user = %L) EXECUTE FUNCTION fairhold_check_sweep()', current_user);
END $$;

-- As in 30_escrow.sql, and the gate.
CREATE OR REPLACE FUNCTION fairhold_count_scope_freeze() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'scope_freeze_member' THEN
        PERFORM FROM scope_freeze WHERE id = NEW.freeze_id AND lifted_at IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'freeze_lifted' USING ERRCODE = 'FH409';
        END IF;
        UPDATE scope SET freeze_count = freeze_count + 1 WHERE kind = NEW.kind AND key = NEW.key;
        PERFORM pg_advisory_xact_lock(7302, 0);
    ELSE
        UPDATE scope s SET freeze_count = s.freeze_count - 1 FROM scope_freeze_member m
        WHERE m.freeze_id = NEW.id AND s.kind = m.kind AND s.key = m.key;
    END IF;
    RETURN NULL;
END $$;
