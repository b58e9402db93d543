"""Exit 0 when the service of this container answers GET /health. Standard library alone: the image has no curl."""  # noqa: INP001 - a script of the image, not a package

import http.client
import os
import sys

TIMEOUT_SECONDS = 4


def main() -> int:
    """Ask once; the container engine repeats."""
    port = int(os.environ.get("GLEANER_PORT", "8421"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"no answer on port {port}: {error}\n")
        return 1
    finally:
        connection.close()
    if status != http.client.OK:
        sys.stderr.write(f"GET /health answered {status}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
