"""The one error of these programs: a sentence for people, which ends them with exit code 1."""

import sys


class Failure(Exception):
    """Why it does not go on, in one sentence."""


class Later(Failure):
    """The server wants to be asked again after so many seconds."""

    def __init__(self, sentence, seconds):
        super().__init__(sentence)
        self.seconds = seconds


def ends_with_a_sentence(name, main):
    """Runs main; whatever goes wrong becomes one sentence on stderr."""
    try:
        main()
    except Failure as failure:
        sys.exit(f"{name}: {one_line(failure)}")
    except Exception as error:
        # What a library thinks of a peer's octets; the error's type belongs to the sentence, because its text may be a mere number.
        sys.exit(f"{name}: {type(error).__name__}: {one_line(error)}")


def one_line(text):
    return " ".join(str(text).split())
