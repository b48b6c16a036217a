"""Colours by meaning, the palette made of them, and icons in one colour."""
