"""Citations of an answer, found in its text and verified against the sources it was shown. No model is involved."""

from training.citations.abstention import is_abstention
from training.citations.cite import Annotation, Citation, CitedAnswer, cite
from training.citations.markers import strip_markers

__all__ = ["Annotation", "Citation", "CitedAnswer", "cite", "is_abstention", "strip_markers"]
