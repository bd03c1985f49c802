"""What the engine does in a second, held against bare loops that move the same records: `make bench`.

Only ratios outlast a machine, so that what is compared is measured in the same run, one after the other.
"""
