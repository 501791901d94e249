-- A signal's course is told by its events; what it counted is never taken back once payments were frozen on it.
REVOKE DELETE, TRUNCATE ON signal, signal_batch FROM {app_role};
REVOKE TRUNCATE ON signal_member FROM {app_role};

CREATE FUNCTION signal_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed_at IS NOT NULL
       OR (NEW.id, NEW.batch_id, NEW.opened_at) IS DISTINCT FROM (OLD.id, OLD.batch_id, OLD.opened_at)
       OR (OLD.frozen_at IS NOT NULL
           AND (NEW.frozen_at, NEW.frozen_numbers) IS DISTINCT FROM (OLD.frozen_at, OLD.frozen_numbers))
    THEN
        RAISE EXCEPTION 'signal_closed' USING ERRCODE = 'FH409', DETAIL = 'a closed signal and its decision stay as they are';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON signal FOR EACH ROW EXECUTE FUNCTION signal_keep();

CREATE FUNCTION signal_member_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM signal WHERE id = OLD.signal_id AND frozen_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'signal_frozen' USING ERRCODE = 'FH409', DETAIL = 'what a freeze was decided on is kept';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER keep BEFORE DELETE ON signal_member FOR EACH ROW EXECUTE FUNCTION signal_member_keep();

-- Who sells a product: insiders of a signal, and shops whose payments of unknown batch a freeze must reach.
CREATE INDEX order_product_seller_idx ON "order" (product_id, seller_id);

-- First values, assumed until a service has its own: buyers with a complaint in a million units that are sold, how much
-- batches differ (Gamma shape, in thousandths), and when a supervisor is called. They are replaced by newer versions.
INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from)
SELECT uuidv7(), p.name, p.category, '', 1, p.value, p.unit, '2000-01-01Z'
FROM (VALUES
    ('signal_base', '', 800, 'per_million_units'),
    ('signal_base', 'cosmetics', 600, 'per_million_units'),
    ('signal_base', 'food', 500, 'per_million_units'),
    ('signal_base', 'drug', 300, 'per_million_units'),
    ('signal_base', 'supplement', 600, 'per_million_units'),
    ('signal_base', 'device', 800, 'per_million_units'),
    ('signal_base', 'clothing', 1500, 'per_million_units'),
    ('signal_base', 'toy', 700, 'per_million_units'),
    ('signal_base', 'electronics', 1200, 'per_million_units'),
    ('signal_base', 'household', 700, 'per_million_units'),
    ('signal_prior_shape', '', 250, 'thousandths'),
    ('circuit_breaker_call', '', 86400, 'seconds')) p (name, category, value, unit);
