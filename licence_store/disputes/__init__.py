"""异议: a holder disputes an entry of the use ledger or a licence's content; the department answers in time."""
