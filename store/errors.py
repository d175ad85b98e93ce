"""What can go wrong, in words a user can act on.

LeewayError
├── ConfigError      a setting, rule or plug-in is wrong
├── StoreError       the database cannot be used
│   ├── StoreBusy    another process holds the file
│   ├── StoreBroken  a fault in the database: handles were closed and are being reopened
│   └── QueryTimeout a query ran past its limit and was stopped
├── NoSuchCall       no stored call is meant by what was given
├── FormatError      a record or file cannot be read
├── BacklogFull      the journal is at its cap; the client must come back later
└── DeliveryError    a notification could not be sent (`permanent` tells whether trying again can help)

Each message says where, what, and what to do.
"""


class LeewayError(Exception):
    """The root: catch this to catch all of ours."""


class ConfigError(LeewayError):
    """A setting, rule or plug-in is wrong."""


class StoreError(LeewayError):
    """The database cannot be used."""


class StoreBusy(StoreError):  # noqa: N818 - reads as what happened
    """Another process holds the file."""


class StoreBroken(StoreError):  # noqa: N818
    """A fault in the database; what was being written may or may not have been stored."""


class QueryTimeout(StoreError):  # noqa: N818
    """A query ran past its limit and was stopped."""


class NoSuchCall(LeewayError):  # noqa: N818
    """No stored call is meant by what was given."""


class FormatError(LeewayError):
    """A record or file cannot be read."""


class BacklogFull(LeewayError):  # noqa: N818
    """The journal is at its cap."""


class DeliveryError(LeewayError):
    """A notification could not be sent.

    `permanent`: trying the same message again cannot help.
    `retry_after`: seconds the receiver asked us to wait, if it did. `status_code`: what it answered, if it did.
    """

    def __init__(
        self, message: str, *, permanent: bool, retry_after: float | None = None, status_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
        self.status_code = status_code
