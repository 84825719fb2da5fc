"""地区之间: the trust list, the peers in it, what they publish, and what flows upward."""
