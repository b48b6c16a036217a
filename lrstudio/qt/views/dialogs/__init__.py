"""Windows beside the window: none of them is modal, none runs a loop of its own."""
