"""What the options of the bench's commands have in common."""


def positive(text: str) -> int:
    """A number from 1 on, for argparse. Raises ValueError for anything else."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number
