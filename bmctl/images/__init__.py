"""Images made ready for a disk: fetched, proven by checksum, unpacked, converted, and looked into.

Nothing here talks to a machine; the result is a raw file and what is known of it.
"""
