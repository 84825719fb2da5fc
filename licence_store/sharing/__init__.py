"""共享互认: who may ask what of this region, for which purpose, and what is answered, signed."""
