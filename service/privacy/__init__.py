"""What people may ask of the data about them: consent, redaction before training, erasure, retention by age."""
