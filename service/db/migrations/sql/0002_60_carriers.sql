-- Orders that are not shipped or not delivered in time: cancelled, with their money on its way back to the buyer.
ALTER TABLE "order"
    ADD COLUMN cancelled_at timestamptz,
    ADD COLUMN cancel_reason text,
    ADD COLUMN arrival_asked_at timestamptz,
    ADD COLUMN arrival_asked_count bigint NOT NULL DEFAULT 0,
    ADD COLUMN arrival_denied_at timestamptz,
    DROP CONSTRAINT order_status_check,
    ADD CONSTRAINT order_status_check CHECK (status IN ('placed', 'paid', 'shipped', 'cancelled', 'delivered')),
    ADD CONSTRAINT order_cancelled_check CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)),
    ADD CONSTRAINT order_cancel_reason_check CHECK (
        (cancelled_at IS NULL) = (cancel_reason IS NULL)
        AND cancel_reason IN ('not_shipped', 'not_delivered', 'refunded')),
    ADD CONSTRAINT order_arrival_check CHECK (
        (arrival_asked_count = 0) = (arrival_asked_at IS NULL)
        AND (arrival_denied_at IS NULL OR arrival_asked_at IS NOT NULL));

-- Records that nobody has applied yet, looked for by parcel before an order is refunded; there are few at any time.
CREATE INDEX carrier_notice_waiting_idx ON carrier_notice ((record ->> 'tracking_number')) WHERE applied_at IS NULL;

INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from) VALUES
    (uuidv7(), 'ask_arrival_again', '', '', 1, 345600, 'seconds', '2000-01-01Z'),
    (uuidv7(), 'answer_arrival', '', '', 1, 604800, 'seconds', '2000-01-01Z'),
    (uuidv7(), 'prove_delivery', '', '', 1, 172800, 'seconds', '2000-01-01Z');

-- Promises of orders that came in bulk or from before there were promises: what `service.orders.promises` makes one by
-- one. Paid orders: refunded if not shipped in time. Shipped ones: the buyer is asked, and the carrier before that.
-- Only where the payment is still held, and only what is missing; what should have happened long ago comes in 48 hours,
-- so that nobody is taken by surprise, and carriers are asked in 6. Returns how many were made.
CREATE FUNCTION fairhold_promise_orders() RETURNS bigint LANGUAGE sql AS $$
    WITH late AS (
        SELECT o.id, o.category, o.jurisdiction, due.*
        FROM (
            SELECT o.id, o.status, o.paid_at, o.shipped_at, o.jurisdiction, p.category
            FROM "order" o JOIN product p ON p.id = o.product_id
            WHERE o.status IN ('paid', 'shipped') AND o.arrival_asked_count = 0
              AND EXISTS (SELECT 1 FROM hold h WHERE h.reference_id = o.id AND h.ended_at IS NULL)
        ) o CROSS JOIN LATERAL (VALUES
            ('ship_order', 'paid', 'ship_within', o.paid_at, 'orders.not_shipped', '{}'::jsonb),
            ('deliver_order', 'shipped', 'deliver_within', o.shipped_at, 'orders.ask_arrival', '{}'::jsonb),
            ('ask_carrier', 'shipped', '', o.shipped_at, 'orders.ask_carrier', '{"asked": 0}'::jsonb)
        ) AS due (name, status, policy, since, handler, payload)
        WHERE due.status = o.status
    ), timed AS (
        SELECT late.*, CASE WHEN late.policy = '' THEN fairhold_now() + interval '6 hours'
            ELSE greatest(late.since + make_interval(secs => (
                SELECT p.value FROM policy p
                WHERE p.name = late.policy AND p.category IN ('', late.category)
                  AND p.jurisdiction IN ('', late.jurisdiction) AND p.effective_from <= fairhold_now()
                ORDER BY p.category = '', p.jurisdiction = '', p.version DESC LIMIT 1)),
                fairhold_now() + interval '48 hours') END AS due_at
        FROM late
    ), made AS (
        INSERT INTO deadline (id, name, subject_id, due_at, handler, payload, state, made_at)
        SELECT uuidv7(), name, id, due_at, handler, payload, 'pending', fairhold_now()
        FROM timed
        ON CONFLICT (name, subject_id) WHERE state = 'pending' DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM made
$$;
GRANT EXECUTE ON FUNCTION fairhold_promise_orders() TO {app_role};
SELECT fairhold_promise_orders();
