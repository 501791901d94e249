-- The way of goods beside what a buyer told: where it was bought, who got which batch when, where a batch was sold.
-- Where somebody bought is theirs: it stands with their words and is erased with them.
ALTER TABLE complaint_text ADD COLUMN bought_in text NOT NULL DEFAULT '';
ALTER TABLE complaint_text ADD CONSTRAINT complaint_text_bought_in_check
    CHECK (bought_in ~ '^([0-9]{6}|[A-Z]{2}(-[A-Z0-9]{1,3})?)?$');

CREATE INDEX custody_way_idx ON custody (batch_id, to_seller_id, from_seller_id, at);

-- The same as before with the place behind the batch: as many entries to write, and areas of a batch are a few steps.
DROP INDEX order_batch_idx;
CREATE INDEX order_batch_idx ON "order" (batch_id, jurisdiction, destination_area) WHERE batch_id IS NOT NULL;

-- A seller's key is that of its name, a space, and that of its Chinese name: a name that somebody wrote begins or ends it.
CREATE INDEX seller_name_begins_idx ON seller (name_key);
CREATE INDEX seller_name_ends_idx ON seller (reverse(name_key));
