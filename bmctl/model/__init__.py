"""Values that every layer speaks of: node, network, image, checksum, firmware, states.

Nothing here reads a file, a clock or a socket. Inventory models turn into these at the door.
"""
