-- Corrections of products and batches: what stood before is kept, and nothing is overwritten without one.

CREATE TABLE correction (
    id uuid NOT NULL,
    batch_id uuid,
    product_id uuid,
    side text NOT NULL,
    reason_code text NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    corrected_by uuid,
    at timestamptz NOT NULL,
    CONSTRAINT correction_pk PRIMARY KEY (id),
    CONSTRAINT correction_batch_id_fk FOREIGN KEY (batch_id) REFERENCES batch (id),
    CONSTRAINT correction_product_id_fk FOREIGN KEY (product_id) REFERENCES product (id),
    CONSTRAINT correction_corrected_by_fk FOREIGN KEY (corrected_by) REFERENCES person (id),
    CONSTRAINT correction_of_one_check CHECK (num_nonnulls(batch_id, product_id) = 1),
    CONSTRAINT correction_side_check CHECK (side IN ('mediator', 'seller')),
    CONSTRAINT correction_reason_code_check CHECK (
        reason_code IN ('label_differs', 'left_out', 'maker_told', 'typing_error'))
);
CREATE INDEX correction_batch_idx ON correction (batch_id, id);
CREATE INDEX correction_product_idx ON correction (product_id, id);
SELECT fairhold_append_only('correction');

-- Whether complaints about a batch are being counted, or its payments were frozen on them.
CREATE FUNCTION fairhold_is_in_signal(of_batch_id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM signal_batch b JOIN signal s ON s.id = b.signal_id
        WHERE b.batch_id = of_batch_id AND s.state <> 'closed' AND CASE WHEN s.state = 'screening'
            THEN EXISTS (SELECT FROM signal_member m WHERE m.signal_id = s.id) ELSE b.frozen_by IS NOT NULL END)
$$;

-- What was registered changes only together with a row that names what stood before, written just before it. A seller's
-- own word changes no lot and no name of goods whose complaints count: that would be a way out of a freeze. Nor does a
-- mediator's whose own complaint is among them.
CREATE FUNCTION correction_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    derived CONSTANT text[] := '{lot_folded,maker_lot_folded,name_key}';
    by_side text;
    by_person uuid;
BEGIN
    SELECT c.side, c.corrected_by INTO by_side, by_person FROM correction c
    WHERE (c.batch_id = OLD.id OR c.product_id = OLD.id) AND c.at = fairhold_now()
      AND to_jsonb(OLD) @> c.before AND to_jsonb(NEW) @> c.after
      AND (to_jsonb(OLD) - derived) || c.after = to_jsonb(NEW) - derived
    ORDER BY c.id DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION '%_kept', TG_TABLE_NAME USING ERRCODE = 'FH409', DETAIL = 'it is corrected, and never overwritten';
    END IF;
    IF by_side = 'seller' AND (TG_TABLE_NAME = 'product' OR (to_jsonb(OLD) -> 'lot_folded', to_jsonb(OLD) -> 'maker_lot_folded')
           IS DISTINCT FROM (to_jsonb(NEW) -> 'lot_folded', to_jsonb(NEW) -> 'maker_lot_folded'))
       AND EXISTS (SELECT FROM batch b WHERE (b.id = OLD.id OR b.product_id = OLD.id) AND fairhold_is_in_signal(b.id))
    THEN
        RAISE EXCEPTION '%_in_signal', TG_TABLE_NAME USING ERRCODE = 'FH409', DETAIL = 'complaints about it are being counted';
    END IF;
    IF by_side = 'mediator' AND EXISTS (
        SELECT FROM batch b JOIN signal_batch i ON i.batch_id = b.id JOIN signal s ON s.id = i.signal_id AND s.state <> 'closed'
        JOIN signal_member m ON m.signal_id = s.id JOIN complaint c ON c.id = m.complaint_id
        WHERE (b.id = OLD.id OR b.product_id = OLD.id) AND c.buyer_id = by_person)
    THEN
        RAISE EXCEPTION 'own_case' USING ERRCODE = 'FH409', DETAIL = 'nobody corrects what their own complaint is about';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON batch FOR EACH ROW EXECUTE FUNCTION correction_keep();
CREATE TRIGGER keep BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION correction_keep();

-- A freeze keeps what it was decided on; a complaint of it that was moved to another batch, or back, is noted here.
CREATE TABLE signal_member_move (
    id uuid NOT NULL,
    signal_id uuid NOT NULL,
    complaint_id uuid NOT NULL,
    step text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT signal_member_move_pk PRIMARY KEY (id),
    CONSTRAINT signal_member_move_signal_id_complaint_id_fk FOREIGN KEY (signal_id, complaint_id)
        REFERENCES signal_member (signal_id, complaint_id),
    CONSTRAINT signal_member_move_step_check CHECK (step IN ('left', 'returned'))
);
CREATE INDEX signal_member_move_member_idx ON signal_member_move (signal_id, complaint_id, id);
SELECT fairhold_append_only('signal_member_move');

ALTER TABLE signal DROP CONSTRAINT signal_reason_code_check;
ALTER TABLE signal ADD CONSTRAINT signal_reason_code_check CHECK (reason_code IN (
    'links_moved', 'no_risk', 'not_confirmed', 'not_genuine', 'not_the_product', 'not_this_batch', 'put_right', 'time_over'));

-- Complaints whose best guess was a batch of a product that gets a new one.
CREATE INDEX complaint_match_suggested_idx ON complaint_match (product_id, id) WHERE outcome = 'suggested';
-- Complaints that name a new product by its barcode.
CREATE INDEX complaint_unlinked_gtin_idx ON complaint (gtin) WHERE batch_id IS NULL AND status <> 'draft' AND gtin <> '';
