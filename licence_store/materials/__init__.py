"""材料与可信等级 (R048-R060): what a holder may use besides licences, how far it is believed, and who says so."""
