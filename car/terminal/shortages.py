"""What a machine may run out of, in words: a sentence instead of a traceback."""

from __future__ import annotations

import errno

SHORTAGES = {
    errno.EMFILE: "Too few files may be open at once. Allow more: ulimit -n 1024",
    errno.ENFILE: "The machine has too many files open. Close other programs.",
    errno.ENOMEM: "There is too little memory, or too little is allowed. Close other programs, or raise ulimit -v.",
    errno.EAGAIN: "The machine allows no more processes. Close other programs, or raise ulimit -u.",
}
"""What a machine may run out of anywhere, and what to do about it."""


def shortage_in_words(error: BaseException) -> str | None:
    """Return in words what the machine has run out of, None where it is another error."""
    if isinstance(error, MemoryError) or "failed to map segment" in str(error):
        return SHORTAGES[errno.ENOMEM]
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return SHORTAGES[errno.EAGAIN]
    return SHORTAGES.get(error.errno or 0) if isinstance(error, OSError) else None
