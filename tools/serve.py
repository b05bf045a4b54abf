"""The built site on this machine, isolated from other sites, so that the network in its pages may use several threads.

Command: ``python -m tools.serve [FOLDER] [PORT]``, which `make serve` runs.
"""

import functools
import http.server
import sys

HEADERS = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


class Isolated(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()


def main(folder: str = "_build/html", port: str = "8000") -> None:
    handler = functools.partial(Isolated, directory=folder)
    try:
        server = http.server.ThreadingHTTPServer(("localhost", int(port)), handler)
    except OSError as problem:
        sys.exit(f"localhost:{port}: {problem.strerror}; give another port: python -m tools.serve {folder} 8001")
    with server:
        print(f"http://localhost:{server.server_port} (Ctrl+C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main(*sys.argv[1:])
