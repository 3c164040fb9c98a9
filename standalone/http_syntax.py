"""What HTTP itself says of the form of a message."""

import re

is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
"""Whether a text is a token, as methods, names of headers and the parts of a media type are: RFC 9110, section 5.6.2."""
