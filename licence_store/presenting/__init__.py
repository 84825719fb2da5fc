"""亮证: a licence shown for a moment, to one verifier, with the fields the holder chose."""
