"""PGT drawn over photographs: one question more in each conversation that is chosen."""
