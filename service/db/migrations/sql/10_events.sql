SELECT fairhold_append_only('event');
INSERT INTO event_relay (name, xid, seq) VALUES ('main', '0'::xid8, 0);
