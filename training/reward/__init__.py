"""Which answer do people prefer: a calibrated prediction with its uncertainty."""
