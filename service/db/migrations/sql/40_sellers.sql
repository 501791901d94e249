CREATE INDEX seller_name_idx ON seller USING gin (name_key gin_trgm_ops);
