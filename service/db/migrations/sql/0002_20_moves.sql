-- Moves beyond the hold: deposits, payouts, chargebacks, what a seller owes.
--   SELECT fairhold_request_payout       nets what is owed, takes the rest off payable, asks for a payout
--   SELECT fairhold_request_withdrawal   takes from the deposit, asks for a payout
--   UPDATE payment (to done or failed)   writes the transfer that the outcome means                (fairhold_end_operation)
--   INSERT chargeback                    writes what the seller owes, within what was released     (fairhold_take_chargeback)
-- The application role writes no transfer at all: each follows from a row that is checked here.

-- Accounts -----------------------------------------------------------------------------------------------------------

-- A receivable is what a seller owes us. Balances are credits less debits, so it is zero or below, and netting more than
-- is owed is refused by its CHECK.
ALTER TABLE account DROP CONSTRAINT account_locked_kinds_check, DROP CONSTRAINT account_balance_check;
ALTER TABLE account
    ADD CONSTRAINT account_locked_kinds_check
        CHECK ((balance_mode = 'locked') = (kind IN ('payable', 'deposit', 'receivable'))),
    ADD CONSTRAINT account_balance_check
        CHECK (CASE kind WHEN 'receivable' THEN balance_minor <= 0 ELSE balance_minor >= 0 END);

ALTER TABLE transfer DROP CONSTRAINT transfer_code_check, DROP CONSTRAINT transfer_hold_check,
    DROP CONSTRAINT transfer_debit_currency_check, DROP CONSTRAINT transfer_credit_currency_check;
ALTER TABLE transfer
    -- Compared as one text with a list, and not CASE by CASE: a CHECK is parsed again for each statement that writes.
    ADD CONSTRAINT transfer_code_check CHECK (
        code || ' ' || split_part(debit_account, ':', 1) || ' ' || split_part(credit_account, ':', 1) = ANY (
            CASE WHEN hold_id IS NULL THEN ARRAY['refund_paid refunds gateway', 'net payable receivable',
                'payout payable payouts', 'payout_paid payouts gateway', 'payout_returned payouts payable',
                'deposit_in gateway deposit', 'deposit_out deposit payouts', 'deposit_returned payouts deposit',
                'chargeback receivable gateway']
            ELSE ARRAY['release held payable', 'fee held fees', 'fund gateway held', 'fund dividing held',
                'refund held refunds', 'divide held dividing', 'charge_back held gateway'] END)),
    ADD CONSTRAINT transfer_currency_check
        CHECK (split_part(debit_account, ':', -1) = currency AND split_part(credit_account, ':', -1) = currency),
    ADD CONSTRAINT transfer_net_check CHECK (code <> 'net' OR substr(debit_account, 9) = substr(credit_account, 12));

CREATE FUNCTION fairhold_account_id(kind text, seller uuid, currency text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT kind || CASE WHEN kind IN ('payable', 'deposit', 'receivable') THEN ':' || seller ELSE '' END || ':' || currency
$$;

-- Writes one transfer between accounts of one seller and currency, opens them if need be, and keeps locked balances, the
-- account with the lower id first.
CREATE FUNCTION fairhold_move(subject uuid, move_code text, debit_kind text, credit_kind text, seller uuid,
                              move_currency text, minor bigint, moved_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    debit text := fairhold_account_id(debit_kind, seller, move_currency);
    credit text := fairhold_account_id(credit_kind, seller, move_currency);
    side record;
BEGIN
    FOR side IN SELECT * FROM (VALUES (debit, debit_kind, -minor), (credit, credit_kind, minor)) s (id, kind, change)
                ORDER BY s.id LOOP
        INSERT INTO account (id, kind, owner_id, currency, balance_mode)
        SELECT side.id, side.kind, CASE WHEN own THEN seller END, move_currency,
               CASE WHEN own THEN 'locked' ELSE 'derived' END
        FROM (SELECT side.kind IN ('payable', 'deposit', 'receivable') AS own) k
        WHERE NOT EXISTS (SELECT FROM account a WHERE a.id = side.id) ON CONFLICT DO NOTHING;
        UPDATE account SET balance_minor = balance_minor + side.change WHERE id = side.id AND balance_mode = 'locked';
    END LOOP;
    INSERT INTO transfer (subject_id, code, debit_account, credit_account, currency, amount_minor, at)
    VALUES (subject, move_code, debit, credit, move_currency, minor, moved_at);
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_move(uuid, text, text, text, uuid, text, bigint, timestamptz) FROM PUBLIC;

-- Operations of the provider -----------------------------------------------------------------------------------------

-- A payout and a deposit are a seller's, of no order: their reference is their own id, and they have no product.
ALTER TABLE payment ALTER COLUMN product_id DROP NOT NULL, ADD COLUMN request_key TEXT,
    DROP CONSTRAINT payment_kind_check,
    ADD CONSTRAINT payment_kind_check CHECK (kind IN ('capture', 'deposit', 'deposit_return', 'payout', 'refund')),
    ADD CONSTRAINT payment_goods_check CHECK ((kind IN ('capture', 'refund')) = (product_id IS NOT NULL)),
    ADD CONSTRAINT payment_own_reference_check CHECK (kind IN ('capture', 'refund') OR reference_id = id),
    ADD CONSTRAINT payment_request_key_check CHECK (length(request_key) BETWEEN 1 AND 255);
CREATE UNIQUE INDEX payment_request_key ON payment (seller_id, kind, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX payment_moves_idx ON payment (id) WHERE kind IN ('deposit', 'deposit_return', 'payout');
CREATE INDEX payment_seller_moves_idx ON payment (seller_id, id) WHERE kind IN ('deposit', 'deposit_return', 'payout');
CREATE INDEX payment_failed_idx ON payment (id) WHERE state = 'failed';
CREATE INDEX payment_original_idx ON payment (original_id) WHERE original_id IS NOT NULL;

CREATE FUNCTION fairhold_end_operation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    way text[] := CASE NEW.kind || ' ' || NEW.state
        WHEN 'refund done' THEN ARRAY['refund_paid', 'refunds', 'gateway']
        WHEN 'payout done' THEN ARRAY['payout_paid', 'payouts', 'gateway']
        WHEN 'payout failed' THEN ARRAY['payout_returned', 'payouts', 'payable']
        WHEN 'deposit done' THEN ARRAY['deposit_in', 'gateway', 'deposit']
        WHEN 'deposit_return done' THEN ARRAY['payout_paid', 'payouts', 'gateway']
        WHEN 'deposit_return failed' THEN ARRAY['deposit_returned', 'payouts', 'deposit'] END;
BEGIN
    IF way IS NOT NULL THEN
        PERFORM fairhold_move(NEW.id, way[1], way[2], way[3], NEW.seller_id, NEW.currency, NEW.amount_minor, NEW.ended_at);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER end_operation AFTER UPDATE OF state ON payment FOR EACH ROW
    WHEN (NEW.kind <> 'capture' AND NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL)
    EXECUTE FUNCTION fairhold_end_operation();

-- What the application may ask for by itself: a deposit, and once more a refund that failed for good. Payouts go through
-- the functions below, refunds otherwise through `resolution`; those run as the owner and are not met here.
CREATE FUNCTION fairhold_check_operation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    captured bigint;
BEGIN
    IF NEW.kind NOT IN ('deposit', 'refund') OR NEW.state <> 'requested' THEN
        RAISE EXCEPTION 'payment_not_requestable' USING ERRCODE = 'FH409', DETAIL = 'ask for it in the way it is made';
    END IF;
    IF NEW.kind = 'refund' THEN
        SELECT amount_minor INTO captured FROM payment WHERE id = NEW.original_id FOR NO KEY UPDATE;
        PERFORM FROM resolution r JOIN hold h ON h.id = r.hold_id
        WHERE r.hold_id = NEW.hold_id AND r.outcome IN ('refunded', 'split') AND r.buyer_minor = NEW.amount_minor
          AND r.currency = NEW.currency AND r.tenant_id = NEW.tenant_id AND r.seller_id = NEW.seller_id
          AND h.payment_id = NEW.original_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'refund_not_owed' USING ERRCODE = 'FH409', DETAIL = 'no hold ended with this for its buyer';
        END IF;
        IF captured < NEW.amount_minor
            + (SELECT coalesce(sum(amount_minor), 0) FROM payment
               WHERE original_id = NEW.original_id AND kind = 'refund' AND state <> 'failed')
            + (SELECT coalesce(sum(amount_minor), 0) FROM chargeback WHERE payment_id = NEW.original_id) THEN
            RAISE EXCEPTION 'refund_charged_back' USING ERRCODE = 'FH409',
                DETAIL = 'the buyer has this money from a chargeback';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_operation BEFORE INSERT ON payment FOR EACH ROW
    WHEN (NEW.kind <> 'capture' AND current_user = '{app_role}') EXECUTE FUNCTION fairhold_check_operation();

-- Payouts blocked ----------------------------------------------------------------------------------------------------

CREATE TABLE payout_block (
    id UUID NOT NULL,
    seller_id UUID NOT NULL,
    reason TEXT NOT NULL,
    actor_id UUID,
    at TIMESTAMPTZ NOT NULL,
    lifted_at TIMESTAMPTZ,
    lifted_by UUID,
    CONSTRAINT payout_block_pk PRIMARY KEY (id),
    CONSTRAINT payout_block_reason_check
        CHECK (reason IN ('authority_order', 'identity_unproved', 'review', 'suspected_fraud', 'suspended')),
    CONSTRAINT payout_block_lifted_check CHECK (lifted_at >= at)
);
CREATE UNIQUE INDEX payout_block_live_key ON payout_block (seller_id, reason) WHERE lifted_at IS NULL;
CREATE INDEX payout_block_seller_idx ON payout_block (seller_id, id);

-- The seller's scope is the lock: a payout takes it FOR SHARE, a block FOR UPDATE, as a freeze of the seller does. So a
-- payout either commits before the block, or sees it.
CREATE FUNCTION fairhold_block_payouts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO scope (kind, key) VALUES ('seller', NEW.seller_id::text) ON CONFLICT DO NOTHING;
    PERFORM FROM scope WHERE kind = 'seller' AND key = NEW.seller_id::text FOR UPDATE;
    RETURN NEW;
END $$;
CREATE TRIGGER block_payouts BEFORE INSERT ON payout_block FOR EACH ROW EXECUTE FUNCTION fairhold_block_payouts();
CREATE TRIGGER lift_once BEFORE UPDATE ON payout_block
    FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL) EXECUTE FUNCTION fairhold_refuse_change();
REVOKE INSERT, UPDATE, DELETE ON payout_block FROM {app_role};
GRANT INSERT (id, seller_id, reason, actor_id, at), UPDATE (lifted_at, lifted_by) ON payout_block TO {app_role};

-- Why this seller is paid nothing now, or null. Takes the seller's scope FOR SHARE; each query sees what has committed.
CREATE FUNCTION fairhold_payouts_refused(seller uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    freezes bigint;
BEGIN
    INSERT INTO scope (kind, key) SELECT 'seller', seller::text
    WHERE NOT EXISTS (SELECT FROM scope WHERE kind = 'seller' AND key = seller::text) ON CONFLICT DO NOTHING;
    SELECT freeze_count INTO freezes FROM scope WHERE kind = 'seller' AND key = seller::text FOR SHARE;
    IF freezes > 0 OR EXISTS (SELECT FROM payout_block b WHERE b.seller_id = seller AND b.lifted_at IS NULL) THEN
        RETURN 'payouts_blocked';
    ELSIF EXISTS (SELECT FROM alert WHERE stops_sweep AND cleared_at IS NULL) THEN
        RETURN 'paying_stopped';
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_payouts_refused(uuid) FROM PUBLIC;

-- Payouts ------------------------------------------------------------------------------------------------------------

-- The balances of a seller in a currency, its accounts locked by id; what is owed comes positive.
CREATE FUNCTION fairhold_lock_balances(seller uuid, of_currency text, OUT deposit bigint, OUT payable bigint, OUT owed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    line record;
BEGIN
    deposit := 0; payable := 0; owed := 0;
    FOR line IN SELECT kind, balance_minor FROM account
                 WHERE id IN (fairhold_account_id('deposit', seller, of_currency),
                              fairhold_account_id('payable', seller, of_currency),
                              fairhold_account_id('receivable', seller, of_currency))
                 ORDER BY id FOR NO KEY UPDATE LOOP
        CASE line.kind
            WHEN 'deposit' THEN deposit := line.balance_minor;
            WHEN 'payable' THEN payable := line.balance_minor;
            ELSE owed := -line.balance_minor;
        END CASE;
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION fairhold_lock_balances(uuid, text) FROM PUBLIC;

-- Both functions answer why not (then nothing was written), with what could be asked for; else what will be sent. Locks
-- the seller's scope FOR SHARE, then its accounts by id.
CREATE FUNCTION fairhold_request_payout(payout_id uuid, of_tenant uuid, seller uuid, of_currency text, asked_minor bigint,
                                        key text, asked_at timestamptz,
                                        OUT refusal text, OUT available_minor bigint, OUT sent_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    balance record;
    net_minor bigint;
BEGIN
    refusal := fairhold_payouts_refused(seller);
    SELECT * INTO balance FROM fairhold_lock_balances(seller, of_currency);
    available_minor := balance.payable;
    net_minor := least(balance.owed, asked_minor);
    sent_minor := asked_minor - net_minor;
    refusal := coalesce(refusal, CASE WHEN asked_minor <= 0 THEN 'amount_not_positive'
        WHEN asked_minor > balance.payable THEN 'amount_above_balance' WHEN sent_minor = 0 THEN 'payout_is_owed' END);
    IF refusal IS NOT NULL THEN
        RETURN;
    END IF;
    INSERT INTO payment (id, tenant_id, kind, reference_id, seller_id, currency, amount_minor, fee_bps, request_key, requested_at)
    VALUES (payout_id, of_tenant, 'payout', payout_id, seller, of_currency, sent_minor, 0, key, asked_at);
    IF net_minor > 0 THEN
        PERFORM fairhold_move(payout_id, 'net', 'payable', 'receivable', seller, of_currency, net_minor, asked_at);
    END IF;
    PERFORM fairhold_move(payout_id, 'payout', 'payable', 'payouts', seller, of_currency, sent_minor, asked_at);
END $$;

-- A seller who owes anything in any currency, or has a frozen held payment, leaves the deposit where it is.
CREATE FUNCTION fairhold_request_withdrawal(payout_id uuid, of_tenant uuid, seller uuid, of_currency text,
                                            asked_minor bigint, key text, asked_at timestamptz,
                                            OUT refusal text, OUT available_minor bigint, OUT sent_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    balance record;
BEGIN
    refusal := fairhold_payouts_refused(seller);
    SELECT * INTO balance FROM fairhold_lock_balances(seller, of_currency);
    available_minor := balance.deposit;
    sent_minor := asked_minor;
    refusal := coalesce(refusal, CASE WHEN asked_minor <= 0 THEN 'amount_not_positive'
        WHEN asked_minor > balance.deposit THEN 'amount_above_balance' END);
    IF refusal IS NULL AND (
        EXISTS (SELECT FROM account a WHERE a.owner_id = seller AND a.kind = 'receivable' AND a.balance_minor < 0)
        OR EXISTS (SELECT FROM hold h WHERE h.seller_id = seller AND h.state IN ('awaiting_delivery', 'in_window')
                   AND h.freeze_count > 0)) THEN
        refusal := 'deposit_locked';
        available_minor := 0;
    END IF;
    IF refusal IS NOT NULL THEN
        RETURN;
    END IF;
    INSERT INTO payment (id, tenant_id, kind, reference_id, seller_id, currency, amount_minor, fee_bps, request_key, requested_at)
    VALUES (payout_id, of_tenant, 'deposit_return', payout_id, seller, of_currency, asked_minor, 0, key, asked_at);
    PERFORM fairhold_move(payout_id, 'deposit_out', 'deposit', 'payouts', seller, of_currency, asked_minor, asked_at);
END $$;

-- Chargebacks --------------------------------------------------------------------------------------------------------

-- What a chargeback did: ended held money, made the seller owe what had been released, or moved nothing because the buyer
-- had it already. `provider_id` is the provider's name for it: a second row of one name cannot be.
CREATE TABLE chargeback (
    id UUID NOT NULL,
    provider_id TEXT NOT NULL,
    payment_id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    seller_id UUID NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    held_minor BIGINT NOT NULL,
    owed_minor BIGINT NOT NULL,
    unmoved_minor BIGINT NOT NULL,
    reason TEXT NOT NULL,
    raised_at TIMESTAMPTZ NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT chargeback_pk PRIMARY KEY (id),
    CONSTRAINT chargeback_provider_id_key UNIQUE (provider_id),
    CONSTRAINT chargeback_tenant_id_payment_id_fk FOREIGN KEY (tenant_id, payment_id) REFERENCES payment (tenant_id, id),
    CONSTRAINT chargeback_amount_check CHECK (amount_minor > 0),
    CONSTRAINT chargeback_parts_sign_check CHECK (held_minor >= 0 AND owed_minor >= 0 AND unmoved_minor >= 0),
    CONSTRAINT chargeback_parts_check CHECK (held_minor + owed_minor + unmoved_minor = amount_minor),
    CONSTRAINT chargeback_reason_check
        CHECK (reason IN ('duplicate', 'fraud', 'not_as_described', 'not_received', 'other'))
);
CREATE INDEX chargeback_payment_idx ON chargeback (payment_id);
SELECT fairhold_append_only('chargeback');

CREATE FUNCTION fairhold_take_chargeback() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    charged payment;
    released bigint;
    open_minor bigint;
    owed_before bigint;
BEGIN
    SELECT * INTO charged FROM payment p WHERE p.id = NEW.payment_id AND p.kind IN ('capture', 'deposit')
        AND p.state = 'done' AND p.tenant_id = NEW.tenant_id AND p.seller_id = NEW.seller_id
        AND p.currency = NEW.currency AND p.amount_minor >= NEW.amount_minor FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'chargeback_differs' USING ERRCODE = 'FH409', DETAIL = 'it is not of a capture of ours';
    END IF;
    SELECT coalesce(sum(r.seller_minor + r.fee_minor), 0), coalesce(sum(h.amount_minor) FILTER (WHERE h.ended_at IS NULL), 0)
    INTO released, open_minor
    FROM hold h LEFT JOIN resolution r ON r.hold_id = h.id
    WHERE h.reference_id = charged.reference_id AND h.payment_id = charged.id;
    IF charged.kind = 'deposit' THEN
        released := charged.amount_minor;
    END IF;
    SELECT coalesce(sum(c.owed_minor), 0) INTO owed_before FROM chargeback c
    WHERE c.payment_id = NEW.payment_id AND c.id <> NEW.id;
    IF NEW.owed_minor > released - owed_before OR NEW.held_minor > open_minor THEN
        RAISE EXCEPTION 'chargeback_above_capture' USING ERRCODE = 'FH409',
            DETAIL = 'more than is held, or than was released of this capture';
    END IF;
    IF NEW.owed_minor > 0 THEN
        PERFORM fairhold_move(NEW.id, 'chargeback', 'receivable', 'gateway', NEW.seller_id, NEW.currency, NEW.owed_minor,
                              NEW.at);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER take_chargeback AFTER INSERT ON chargeback FOR EACH ROW EXECUTE FUNCTION fairhold_take_chargeback();

-- A hold ends as charged back only for a chargeback of its capture, and all of them together for its held part.
CREATE FUNCTION fairhold_check_charge_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM chargeback c JOIN hold h ON h.id = NEW.hold_id AND h.payment_id = c.payment_id
    WHERE c.id = NEW.decision_id AND c.held_minor >= (
        SELECT sum(r.amount_minor) FROM hold x JOIN resolution r ON r.hold_id = x.id
        WHERE x.reference_id = h.reference_id AND r.outcome = 'charged_back' AND r.decision_id = c.id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'chargeback_missing' USING ERRCODE = 'FH409', DETAIL = 'no chargeback takes this held payment';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_charge_back AFTER INSERT ON resolution FOR EACH ROW
    WHEN (NEW.outcome = 'charged_back') EXECUTE FUNCTION fairhold_check_charge_back();

-- The provider's limit -----------------------------------------------------------------------------------------------

-- The hourly look at old holds: undivided ones by their funding, which is the capture; parts are few, and are judged by
-- their capture.
CREATE INDEX hold_open_age_idx ON hold (funded_at)
    WHERE parent_hold_id IS NULL AND state IN ('awaiting_delivery', 'in_window');
CREATE INDEX hold_open_part_idx ON hold (id)
    WHERE parent_hold_id IS NOT NULL AND state IN ('awaiting_delivery', 'in_window');

-- Holds of which it was said that the provider's limit is near: said once.
CREATE TABLE hold_near_limit (
    hold_id UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT hold_near_limit_pk PRIMARY KEY (hold_id),
    CONSTRAINT hold_near_limit_hold_id_fk FOREIGN KEY (hold_id) REFERENCES hold (id)
);
SELECT fairhold_append_only('hold_near_limit');

-- No hold that was funded before `oldest_open_at` is open (parts aside): the look begins there, not with all history.
CREATE TABLE limit_watch (
    only_row BOOLEAN NOT NULL DEFAULT true,
    oldest_open_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT limit_watch_pk PRIMARY KEY (only_row),
    CONSTRAINT limit_watch_only_row_check CHECK (only_row)
);
INSERT INTO limit_watch (oldest_open_at) VALUES ('2000-01-01Z');
REVOKE INSERT, UPDATE, DELETE ON limit_watch FROM {app_role};
GRANT UPDATE (oldest_open_at) ON limit_watch TO {app_role};

INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from) VALUES
    (uuidv7(), 'provider_limit_alert', '', '', 1, 8000, 'basis_points', '2000-01-01Z'),
    (uuidv7(), 'provider_limit_near', '', '', 1, 864000, 'seconds', '2000-01-01Z'),
    (uuidv7(), 'provider_limit_refund', '', '', 1, 1, 'switch', '2000-01-01Z');

-- Privileges ---------------------------------------------------------------------------------------------------------

DROP POLICY transfer_write ON transfer;
REVOKE INSERT ON transfer FROM {app_role};
