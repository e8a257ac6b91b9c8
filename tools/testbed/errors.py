"""What goes wrong in the testbed, as one clear sentence: the cause, and the cure."""


class TestbedError(Exception):
    """The testbed could not be built, started or reached."""

    __test__ = False
