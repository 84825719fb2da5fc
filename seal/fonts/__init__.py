"""Fonts shipped with the service (SIL Open Font Licence 1.1, see OFL.txt)."""
