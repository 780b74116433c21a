"""Judged answers as files hold them: read, checked, written."""
