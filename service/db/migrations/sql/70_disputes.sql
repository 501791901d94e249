SELECT fairhold_append_only('ruling');
SELECT fairhold_append_only('ruling_acceptance');
