"""Between the window and everything that takes time: one writer, a few readers, one loop, and their errors."""
