-- Alerts: what people who run the service must look at, once for each cause.
CREATE TABLE alert (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    tenant_id UUID,
    facts JSONB NOT NULL,
    stops_sweep BOOLEAN NOT NULL,
    raised_at TIMESTAMPTZ NOT NULL,
    cleared_at TIMESTAMPTZ,
    CONSTRAINT alert_pk PRIMARY KEY (id),
    CONSTRAINT alert_tenant_id_fk FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    CONSTRAINT alert_cleared_check CHECK (cleared_at >= raised_at)
);
CREATE UNIQUE INDEX alert_live_key ON alert (kind, subject_kind, subject_id) WHERE cleared_at IS NULL;
-- The sweep and payouts ask whether there is any such row: the index is empty on a good day.
CREATE INDEX alert_stopping_idx ON alert (raised_at) WHERE stops_sweep AND cleared_at IS NULL;

REVOKE UPDATE, DELETE ON alert FROM {app_role};
GRANT UPDATE (facts, stops_sweep, cleared_at) ON alert TO {app_role};
CREATE TRIGGER clear_once BEFORE UPDATE ON alert
    FOR EACH ROW WHEN (OLD.cleared_at IS NOT NULL) EXECUTE FUNCTION fairhold_refuse_change();
