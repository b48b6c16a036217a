"""Files in and out, one file per format. Readers yield what they find, row by row, and never stop at a bad row."""
