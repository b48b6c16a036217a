"""What a host runs for the studio: small programs on one run folder. Standard library only; they answer in JSON."""
