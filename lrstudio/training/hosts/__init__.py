"""Other machines that run jobs: how they are reached, what they are asked, and what is known of them here."""
