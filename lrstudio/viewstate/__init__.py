"""What a screen should show, computed without Qt."""
