"""跨地区: asking the region that issued a licence, and what is said where it is silent."""
