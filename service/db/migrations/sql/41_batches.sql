CREATE INDEX product_name_idx ON product USING gin (name_key gin_trgm_ops);
CREATE INDEX batch_lot_trgm_idx ON batch USING gin (lot_folded gin_trgm_ops);
CREATE INDEX batch_maker_lot_trgm_idx ON batch USING gin (maker_lot_folded gin_trgm_ops);
SELECT fairhold_append_only('batch_status');
SELECT fairhold_append_only('custody');
