"""电子印章与签章: the structures of seals and sealed documents first, then the acts."""
