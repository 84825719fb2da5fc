"""用户空间的人: who signs in as a holder, how well that is proved, and for whom they may act."""
