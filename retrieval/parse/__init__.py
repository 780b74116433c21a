"""Files to text with structure. Every offset that the rest of the system keeps points into the text made here.

`ParserSandbox` is the door for files from outside; `parse_file` does the same in the calling process.
"""

from retrieval.parse.dispatch import parse_file
from retrieval.parse.limits import ParseLimits
from retrieval.parse.sandbox import ParserSandbox
from retrieval.parse.sniff import SUPPORTED_EXTENSIONS, sniff

__all__ = ["SUPPORTED_EXTENSIONS", "ParseLimits", "ParserSandbox", "parse_file", "sniff"]
