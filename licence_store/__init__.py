"""电子证照库: the register and the life of a licence."""
