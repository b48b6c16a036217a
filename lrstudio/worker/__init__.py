"""What runs in a process of its own, with torch: the only room that imports it."""
