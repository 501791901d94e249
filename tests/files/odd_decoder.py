"""A decoder whose answer, sizes and all, is what the file says; with a pipe that stays open behind it."""

import sys

from service.files.piped import SIZES


def main() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    head_size, body_size = SIZES.unpack(source.read(SIZES.size))
    sink.write(source.read(head_size + body_size)[head_size:])
    sink.flush()
    source.read()


if __name__ == "__main__":
    main()
