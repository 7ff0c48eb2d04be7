"""What becomes of a finding once said."""
