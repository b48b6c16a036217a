"""What a person sees and touches; each view shows a view state and names operations."""
