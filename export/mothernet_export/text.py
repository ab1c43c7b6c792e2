"""Which texts a file can hold. How a cell becomes text is a rule of the reader: `mothernet_runtime.text`."""

from __future__ import annotations


def check_storable(text: object, what: str) -> None:
    """Refuse what every reader of the file could not read back; `what` names the text in the error.

    Raises
    ------
    TypeError
        If `text` is no string.
    ValueError
        If it holds a NUL character, which ends a C string, or a lone surrogate, which UTF-8 cannot store.
    """
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a string, however: {text!r}")
    if "\0" in text:
        raise ValueError(
            f"{what} must not hold a NUL character, which ends a C string, however: {text!r}. Remove it from the table."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} must be valid Unicode (UTF-8 can store it), however: {text!r}: {error}") from None
