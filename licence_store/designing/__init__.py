"""类型设计: a new type laid out by itself, then bent to one's will; all of it data in the type's document."""
