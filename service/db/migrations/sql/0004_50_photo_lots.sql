-- Whose photos show a lot: asked when a batch is registered. What is asked for is folded (core/lots.py); labels that a
-- barcode may hold before its lot are left aside here.
CREATE INDEX complaint_reading_lot_idx ON complaint_reading
    (translate(upper(regexp_replace(value, '[^0-9A-Za-z]', '', 'g')), 'OILSBZ', '011582')) WHERE kind = 'lot';
CREATE INDEX complaint_reading_gtin_idx ON complaint_reading (value) WHERE kind = 'gtin';
