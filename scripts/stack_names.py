"""Which names a stack may have: its buckets are called after it, and S3 is the strictest of all services.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

import re

_ALLOWED = re.compile(r"[a-z][a-z0-9-]*")
_RESERVED = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_CHARACTERS = 63
_ACCOUNT_DIGITS = 12
# Behind a stack's name this makes the name of its code bucket, which another stack would take for its data.
_CODE = "-code"


def data_bucket(stack: str, account: str, region: str) -> str:
    """Name the bucket of a stack's data, as the template does."""
    return f"{stack}-{account}-{region}"


def code_bucket(stack: str, account: str, region: str) -> str:
    """Name the bucket that a stack's code lies in."""
    return data_bucket(f"{stack}{_CODE}", account, region)


def problem(stack: str, region: str) -> str | None:
    """
    Say what is wrong with a stack's name.

    :param region: where it is to be; a name in a region of a long name has to be shorter
    :return: one sentence, or None when the name may be used
    """
    longest = _BUCKET_CHARACTERS - len(code_bucket("", "0" * _ACCOUNT_DIGITS, region))
    if not _ALLOWED.fullmatch(stack):
        wrong = "allowed are lower-case letters, digits and hyphens, a letter first"
    elif len(stack) > longest:
        wrong = f"it has {len(stack)} characters; at most {longest} are allowed in {region}"
    elif stack.startswith(_RESERVED):
        wrong = f"names that begin with {', '.join(_RESERVED)} are S3's own"
    elif stack.endswith(_CODE):
        wrong = f"its data bucket would be the code bucket of a stack named {stack.removesuffix(_CODE)}"
    else:
        return None
    return f"stack name {stack!r}: {wrong} (buckets are called after the stack)"
