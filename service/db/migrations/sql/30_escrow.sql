-- Held payments: what the database does and refuses by itself.
--   INSERT hold         writes the funding, opens accounts and scopes, inherits scope freezes   (fairhold_fund_holds)
--   INSERT hold_freeze  counts it on the hold and pauses the window                             (fairhold_freeze_holds)
--   UPDATE hold_freeze  lifts: uncounts it, and the window resumes with the last one            (fairhold_lift_holds)
--   INSERT resolution   ends the holds: transfers, balances, refunds, children, events          (fairhold_end_holds)
-- The functions run as the owner; the application role cannot do any of it in another way.

-- Scopes -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION fairhold_scopes(seller_id uuid, product_id uuid, batch_id uuid) RETURNS TABLE (kind text, key text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'seller', seller_id::text
    UNION ALL
    SELECT CASE WHEN batch_id IS NULL THEN 'seller_product' ELSE 'batch' END,
           CASE WHEN batch_id IS NULL THEN seller_id || ':' || product_id ELSE batch_id::text END
$$;

-- Lets open holds inherit the live freezes of their scopes. Makes missing scope rows, and takes them FOR SHARE, so that
-- a freeze commits either before (and is seen by the last statement) or after the caller (and then finds the holds).
CREATE FUNCTION fairhold_inherit_freezes(hold_ids uuid[], frozen_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO scope (kind, key)
    SELECT DISTINCT s.kind, s.key FROM hold h, fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s
    WHERE h.id = ANY (hold_ids) AND NOT EXISTS (SELECT FROM scope x WHERE x.kind = s.kind AND x.key = s.key)
    ORDER BY 1, 2 ON CONFLICT DO NOTHING;

    PERFORM FROM scope x WHERE (x.kind, x.key) IN (
        SELECT s.kind, s.key FROM hold h, fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s WHERE h.id = ANY (hold_ids))
    ORDER BY x.kind, x.key FOR SHARE;

    INSERT INTO hold_freeze (id, hold_id, kind, source_id, at)
    SELECT uuidv7(), w.hold_id, 'scope', w.freeze_id, frozen_at FROM (
        SELECT DISTINCT h.id AS hold_id, f.id AS freeze_id
        FROM hold h, fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s
        JOIN scope_freeze_member m ON m.kind = s.kind AND m.key = s.key
        JOIN scope_freeze f ON f.id = m.freeze_id AND f.lifted_at IS NULL
        WHERE h.id = ANY (hold_ids) AND h.ended_at IS NULL) w
    WHERE NOT EXISTS (
        SELECT FROM hold_freeze x WHERE x.hold_id = w.hold_id AND x.source_id = w.freeze_id AND x.lifted_at IS NULL);
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_inherit_freezes(uuid[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fairhold_inherit_freezes(uuid[], timestamptz) TO {app_role};

-- A named batch: the hold moves to that batch's scope. Freezes are added before others are lifted, so that a window that
-- stays frozen does not resume in between and spend its floor.
CREATE FUNCTION fairhold_move_hold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    moved_at timestamptz := fairhold_now();
BEGIN
    PERFORM fairhold_inherit_freezes(ARRAY[NEW.id], moved_at);
    UPDATE hold_freeze f SET lifted_at = greatest(f.at, moved_at)
    WHERE f.hold_id = NEW.id AND f.kind = 'scope' AND f.lifted_at IS NULL AND NOT EXISTS (
        SELECT FROM scope_freeze_member m, fairhold_scopes(NEW.seller_id, NEW.product_id, NEW.batch_id) s
        WHERE m.freeze_id = f.source_id AND m.kind = s.kind AND m.key = s.key);
    RETURN NULL;
END $$;
CREATE TRIGGER move_hold AFTER UPDATE OF batch_id ON hold FOR EACH ROW
    WHEN (OLD.batch_id IS DISTINCT FROM NEW.batch_id AND NEW.ended_at IS NULL) EXECUTE FUNCTION fairhold_move_hold();

CREATE FUNCTION fairhold_count_scope_freeze() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'scope_freeze_member' THEN
        PERFORM FROM scope_freeze WHERE id = NEW.freeze_id AND lifted_at IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'freeze_lifted' USING ERRCODE = 'FH409';
        END IF;
        UPDATE scope SET freeze_count = freeze_count + 1 WHERE kind = NEW.kind AND key = NEW.key;
    ELSE
        UPDATE scope s SET freeze_count = s.freeze_count - 1 FROM scope_freeze_member m
        WHERE m.freeze_id = NEW.id AND s.kind = m.kind AND s.key = m.key;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_freeze AFTER INSERT ON scope_freeze_member
    FOR EACH ROW EXECUTE FUNCTION fairhold_count_scope_freeze();
CREATE TRIGGER count_lift AFTER UPDATE ON scope_freeze
    FOR EACH ROW WHEN (OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL) EXECUTE FUNCTION fairhold_count_scope_freeze();
CREATE TRIGGER lift_once BEFORE UPDATE ON scope_freeze
    FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL) EXECUTE FUNCTION fairhold_refuse_change();

-- Freezes on holds ---------------------------------------------------------------------------------------------------

CREATE FUNCTION fairhold_freeze_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
        RETURNING h.id, h.tenant_id, h.reference_id
    ), told AS (
        INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts)
        SELECT uuidv7(), 'hold.frozen', 'hold', h.id, h.tenant_id, n.actor_id, n.at,
               jsonb_build_object('reference_id', h.reference_id, 'kind', n.kind, 'source_id', n.source_id)
        FROM frozen_holds h JOIN new_rows n ON n.hold_id = h.id AND n.lifted_at IS NULL
    )
    SELECT count(*) INTO frozen FROM frozen_holds;
    IF frozen <> wanted THEN
        RAISE EXCEPTION 'hold_state' USING ERRCODE = 'FH409', DETAIL = 'only an open hold can be frozen';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER freeze_holds AFTER INSERT ON hold_freeze REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION fairhold_freeze_holds();

-- 259200 s are the 72 hours of rules.RESUME_FLOOR; a test compares them.
CREATE FUNCTION fairhold_lift_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    WITH lifted AS (
        SELECT n.hold_id, count(*) AS gone, max(n.lifted_at) AS at
        FROM new_rows n JOIN old_rows o ON o.id = n.id AND o.lifted_at IS NULL
        WHERE n.lifted_at IS NOT NULL GROUP BY n.hold_id
    ), unfrozen AS (
        UPDATE hold h SET
            freeze_count = h.freeze_count - l.gone,
            window_ends_at = CASE WHEN h.window_left_seconds IS NOT NULL AND h.freeze_count = l.gone THEN
                l.at + make_interval(secs => CASE WHEN h.has_used_floor THEN h.window_left_seconds
                    ELSE greatest(h.window_left_seconds, 259200) END) END,
            has_used_floor = h.has_used_floor OR coalesce(h.freeze_count = l.gone AND h.window_left_seconds < 259200, false),
            window_left_seconds = CASE WHEN h.freeze_count = l.gone THEN NULL ELSE h.window_left_seconds END
        FROM lifted l WHERE h.id = l.hold_id
        RETURNING h.id, h.tenant_id, h.reference_id, l.at
    )
    INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts)
    SELECT uuidv7(), 'hold.freeze_lifted', 'hold', h.id, h.tenant_id, n.lifted_by, h.at,
           jsonb_build_object('reference_id', h.reference_id, 'kind', n.kind, 'source_id', n.source_id)
    FROM unfrozen h JOIN new_rows n ON n.hold_id = h.id JOIN old_rows o ON o.id = n.id AND o.lifted_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER lift_holds AFTER UPDATE ON hold_freeze REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION fairhold_lift_holds();
CREATE TRIGGER lift_once BEFORE UPDATE ON hold_freeze
    FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL) EXECUTE FUNCTION fairhold_refuse_change();

-- Funding ------------------------------------------------------------------------------------------------------------

-- A hold has its money from a done capture with the same facts, or from the division of its parent; else it cannot be.
CREATE FUNCTION fairhold_fund_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wanted bigint;
    funded bigint;
    frozen_at timestamptz;
    hold_ids uuid[];
BEGIN
    SELECT count(*), max(funded_at), array_agg(id ORDER BY id) INTO wanted, frozen_at, hold_ids FROM new_rows;
    IF wanted = 0 THEN
        RETURN NULL;
    END IF;

    INSERT INTO account (id, kind, owner_id, currency, balance_mode)
    SELECT w.id, w.kind, w.owner_id, w.currency, w.balance_mode FROM (
        SELECT DISTINCT 'payable:' || seller_id || ':' || currency AS id, 'payable' AS kind, seller_id AS owner_id,
               currency, 'locked' AS balance_mode FROM new_rows
        UNION
        SELECT kind || ':' || currency, kind, NULL, currency, 'derived' FROM (SELECT DISTINCT currency FROM new_rows) c,
               unnest(ARRAY['gateway', 'held', 'fees', 'refunds', 'dividing']) kind) w
    WHERE NOT EXISTS (SELECT FROM account a WHERE a.id = w.id)
    ORDER BY 1 ON CONFLICT DO NOTHING;

    -- OFFSET 0 keeps each look-up on its primary key: without statistics the planner joins the other way round, and a bulk
    -- insert takes quadratic time.
    INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)
    SELECT n.id, 'fund', n.id, 'gateway:' || n.currency, 'held:' || n.currency, n.currency, n.amount_minor, n.funded_at
    FROM new_rows n CROSS JOIN LATERAL (SELECT * FROM payment x WHERE x.id = n.payment_id OFFSET 0) p
    WHERE n.parent_hold_id IS NULL AND p.kind = 'capture' AND p.state = 'done' AND p.tenant_id = n.tenant_id
      AND p.reference_id = n.reference_id AND p.seller_id = n.seller_id AND p.product_id = n.product_id
      AND p.currency = n.currency AND p.amount_minor = n.amount_minor AND p.fee_bps = n.fee_bps
    UNION ALL
    SELECT n.id, 'fund', n.id, 'dividing:' || n.currency, 'held:' || n.currency, n.currency, n.amount_minor, n.funded_at
    FROM new_rows n CROSS JOIN LATERAL (SELECT * FROM resolution x WHERE x.hold_id = n.parent_hold_id OFFSET 0) r
    WHERE r.outcome = 'divided' AND ((n.id = r.claimed_hold_id AND n.amount_minor = r.claimed_minor)
       OR (n.id = r.rest_hold_id AND n.amount_minor = r.rest_minor));
    GET DIAGNOSTICS funded = ROW_COUNT;
    IF funded <> wanted THEN
        RAISE EXCEPTION 'hold_unfunded' USING ERRCODE = 'FH409', DETAIL = 'a hold needs a done capture with its facts';
    END IF;

    PERFORM fairhold_inherit_freezes(hold_ids, frozen_at);
    RETURN NULL;
END $$;
CREATE TRIGGER fund_holds AFTER INSERT ON hold REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION fairhold_fund_holds();

-- The end ------------------------------------------------------------------------------------------------------------

-- Refuses to pay a seller while a freeze lies on a scope of the hold, whether its row was paused yet or not.
CREATE FUNCTION fairhold_check_scopes(hold_ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wanted bigint;
    unfrozen bigint;
BEGIN
    WITH wanted_scopes AS MATERIALIZED (
        SELECT DISTINCT s.kind, s.key FROM hold h, fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s
        WHERE h.id = ANY (hold_ids)
    ), locked AS MATERIALIZED (
        SELECT x.freeze_count FROM scope x JOIN wanted_scopes w ON w.kind = x.kind AND w.key = x.key
        ORDER BY x.kind, x.key FOR SHARE OF x
    )
    SELECT (SELECT count(*) FROM wanted_scopes), (SELECT count(*) FROM locked WHERE freeze_count = 0) INTO wanted, unfrozen;
    IF unfrozen <> wanted THEN
        RAISE EXCEPTION 'hold_frozen' USING ERRCODE = 'FH409', DETAIL = 'a freeze lies on the batch or the seller';
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_check_scopes(uuid[]) FROM PUBLIC;

-- The two parts of a divided hold, with its window and its freezes.
CREATE FUNCTION fairhold_divide_hold(parent uuid, claimed uuid, claimed_minor bigint, rest uuid, rest_minor bigint,
                                     divided_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
    FROM hold_freeze f, (VALUES (claimed), (rest)) c (id)
    WHERE f.hold_id = parent AND f.lifted_at IS NULL AND NOT EXISTS (
        SELECT FROM hold_freeze x WHERE x.hold_id = c.id AND x.source_id = f.source_id AND x.lifted_at IS NULL);
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_divide_hold(uuid, uuid, bigint, uuid, bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION fairhold_end_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    time_now timestamptz := fairhold_now();
    wanted bigint;
    ended bigint;
    paying uuid[];
    division record;
BEGIN
    SELECT count(*), array_agg(hold_id) FILTER (WHERE seller_minor + fee_minor > 0) INTO wanted, paying FROM new_rows;
    IF paying IS NOT NULL THEN
        PERFORM fairhold_check_scopes(paying);
    END IF;
    FOR division IN SELECT * FROM new_rows WHERE outcome = 'divided' ORDER BY hold_id LOOP
        PERFORM fairhold_divide_hold(division.hold_id, division.claimed_hold_id, division.claimed_minor,
                                     division.rest_hold_id, division.rest_minor, division.at);
    END LOOP;

    WITH ended_holds AS (
        UPDATE hold h SET state = r.outcome, ended_at = r.at, window_ends_at = NULL, window_left_seconds = NULL
        FROM new_rows r
        WHERE h.id = r.hold_id AND h.ended_at IS NULL
          AND h.tenant_id = r.tenant_id AND h.seller_id = r.seller_id AND h.currency = r.currency
          AND h.amount_minor = r.amount_minor AND h.fee_bps = r.fee_bps AND r.at <= time_now
          AND (h.freeze_count = 0 OR r.seller_minor + r.fee_minor = 0)
          AND (h.window_ends_at IS NOT NULL OR r.outcome <> 'released')
          AND (h.window_ends_at <= r.at OR r.cause <> 'sweep')
        RETURNING r.*, h.reference_id, h.payment_id, h.buyer_id, h.product_id, h.batch_id
    ), moved AS (
        INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)
        SELECT e.hold_id, m.code, e.hold_id, 'held:' || e.currency, m.account || ':' || e.currency, e.currency, m.amount, e.at
        FROM ended_holds e CROSS JOIN LATERAL (VALUES
            ('release', 'payable:' || e.seller_id, e.seller_minor),
            ('fee', 'fees', e.fee_minor),
            (CASE e.outcome WHEN 'charged_back' THEN 'charge_back' ELSE 'refund' END,
             CASE e.outcome WHEN 'charged_back' THEN 'gateway' ELSE 'refunds' END, e.buyer_minor),
            ('divide', 'dividing', e.claimed_minor + e.rest_minor)) m (code, account, amount)
        WHERE m.amount > 0
    ), refunded AS (
        INSERT INTO payment (id, tenant_id, kind, reference_id, hold_id, original_id, seller_id, buyer_id, product_id,
                             batch_id, currency, amount_minor, fee_bps, requested_at)
        SELECT uuidv7(), e.tenant_id, 'refund', e.reference_id, e.hold_id, e.payment_id, e.seller_id, e.buyer_id,
               e.product_id, e.batch_id, e.currency, e.buyer_minor, 0, e.at
        FROM ended_holds e WHERE e.buyer_minor > 0 AND e.outcome <> 'charged_back'
    ), told AS (
        INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts)
        SELECT uuidv7(), 'hold.' || e.outcome, 'hold', e.hold_id, e.tenant_id, e.actor_id, e.at, jsonb_strip_nulls(
            jsonb_build_object('reference_id', e.reference_id, 'seller_id', e.seller_id, 'cause', e.cause,
                'decision_id', e.decision_id, 'currency', e.currency, 'amount_minor', e.amount_minor,
                'buyer_minor', e.buyer_minor, 'seller_minor', e.seller_minor, 'fee_minor', e.fee_minor,
                'claimed_hold_id', e.claimed_hold_id, 'rest_hold_id', e.rest_hold_id))
        FROM ended_holds e
    )
    SELECT count(*) INTO ended FROM ended_holds;
    IF ended <> wanted THEN
        RAISE EXCEPTION 'hold_not_endable' USING ERRCODE = 'FH409',
            DETAIL = 'the hold has ended, is frozen or not due, or differs from the resolution';
    END IF;

    PERFORM fairhold_pay_sellers(array_agg('payable:' || seller_id || ':' || currency), array_agg(seller_minor))
    FROM new_rows WHERE seller_minor > 0 HAVING count(*) > 0;
    UPDATE hold_freeze f SET lifted_at = greatest(f.at, r.at), lifted_by = r.actor_id
    FROM new_rows r WHERE r.outcome = 'divided' AND f.hold_id = r.hold_id AND f.lifted_at IS NULL;
    RETURN NULL;
END $$;

-- Adds to locked balances, the accounts in the order of their ids.
CREATE FUNCTION fairhold_pay_sellers(accounts text[], amounts bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    wanted bigint;
    paid bigint;
BEGIN
    PERFORM FROM account WHERE id = ANY (accounts) ORDER BY id FOR NO KEY UPDATE;
    SELECT count(DISTINCT a) INTO wanted FROM unnest(accounts) a;
    UPDATE account a SET balance_minor = a.balance_minor + s.total
    FROM (SELECT id, sum(amount)::bigint AS total FROM unnest(accounts, amounts) AS u (id, amount) GROUP BY id) s
    WHERE a.id = s.id;
    GET DIAGNOSTICS paid = ROW_COUNT;
    IF paid <> wanted THEN
        RAISE EXCEPTION 'account_missing' USING ERRCODE = 'FH409', DETAIL = 'a seller has no payable account';
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_pay_sellers(text[], bigint[]) FROM PUBLIC;

CREATE TRIGGER end_holds AFTER INSERT ON resolution REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION fairhold_end_holds();

-- Privileges ---------------------------------------------------------------------------------------------------------

SELECT fairhold_append_only('transfer');
SELECT fairhold_append_only('resolution');
SELECT fairhold_append_only('scope_freeze_member');

-- Funding and resolutions write their transfers through the triggers above. The application writes only what leaves.
ALTER TABLE transfer ENABLE ROW LEVEL SECURITY;
CREATE POLICY transfer_read ON transfer FOR SELECT USING (true);
CREATE POLICY transfer_write ON transfer FOR INSERT TO {app_role} WITH CHECK (code = 'refund_paid' AND hold_id IS NULL);

REVOKE INSERT, UPDATE, DELETE ON account FROM {app_role};

REVOKE INSERT, UPDATE, DELETE ON hold FROM {app_role};
GRANT INSERT (id, tenant_id, reference_id, payment_id, seller_id, buyer_id, product_id, batch_id, currency, amount_minor,
              fee_bps, funded_at) ON hold TO {app_role};
-- An end needs `ended_at`, by CHECK, and that column is the trigger's alone.
GRANT UPDATE (state, window_ends_at, window_left_seconds, has_used_floor, delivered_at, proof_kind, proof_id, buyer_id,
              batch_id) ON hold TO {app_role};

REVOKE INSERT, UPDATE, DELETE ON hold_freeze FROM {app_role};
GRANT INSERT (id, hold_id, kind, source_id, actor_id, at), UPDATE (lifted_at, lifted_by) ON hold_freeze TO {app_role};

-- Row locks need UPDATE on some column; `kind` is one that nobody may change in truth.
REVOKE INSERT, UPDATE, DELETE ON scope FROM {app_role};
GRANT INSERT (kind, key), UPDATE (kind) ON scope TO {app_role};
CREATE TRIGGER fixed_key BEFORE UPDATE OF kind, key ON scope FOR EACH ROW EXECUTE FUNCTION fairhold_refuse_change();

REVOKE INSERT, UPDATE, DELETE ON scope_freeze FROM {app_role};
GRANT INSERT (id, reason, source_id, actor_id, at, expires_at), UPDATE (lifted_at, lifted_by) ON scope_freeze TO {app_role};

REVOKE UPDATE, DELETE ON payment FROM {app_role};
GRANT UPDATE (buyer_id, batch_id, state, reason, asked_count, ended_at) ON payment TO {app_role};
CREATE TRIGGER end_once BEFORE UPDATE OF state ON payment
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND OLD.state <> NEW.state) EXECUTE FUNCTION fairhold_refuse_change();

REVOKE UPDATE, DELETE ON gateway_notice FROM {app_role};
GRANT UPDATE (applied_at, outcome) ON gateway_notice TO {app_role};
