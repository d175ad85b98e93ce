"""An error that does not survive pickling: importable by name, so that workers find it."""


class StubbornError(Exception):
    """Cannot be made again from its arguments, as many libraries' errors."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def raise_stubborn() -> None:
    raise StubbornError("two", "words")
