"""Everything an operator wants to see first, on one page."""
