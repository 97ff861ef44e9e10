"""A small reverse proxy that puts a running service under a path prefix.

usage, to work on the pages: proxy.py PATH-OF-SOFTMAXD [PORT]
Serves the pages as they are in the tree at each load, and forwards all else to a service that it starts.
"""

import base64
import hashlib
import http.client
import http.server
import pathlib
import re
import sys
import threading

METHODS = ("GET", "HEAD", "POST", "OPTIONS")
# Fields that are a connection's own (RFC 9110 section 7.6.1), and those that this proxy makes anew.
OWN_FIELDS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Proxy:
    """Forwards PREFIX/path to the service's /path, for the length of a `with`."""

    def __init__(self, service_port, prefix="", pages={}, port=0):
        """pages: the file to answer a GET of each path with, read at each request."""
        self.answer = None
        self.paths = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                proxy.paths.append(self.path)
                if not self.path.startswith(prefix + "/"):
                    return self.reply(404, {}, b"not under the prefix")
                path = self.path[len(prefix):]
                if proxy.answer and (answer := proxy.answer(path, body)):
                    return self.reply(*answer)
                if path in pages:
                    document = pages[path].read_bytes()
                    fields = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy(document)}
                    return self.reply(200, fields, document)
                upstream = http.client.HTTPConnection("127.0.0.1", service_port, timeout=60)
                try:
                    upstream.connect()
                except OSError:
                    # Nobody is there: the client sees the same as without a proxy.
                    self.close_connection = True
                    return
                try:
                    fields = {name: value for name, value in self.headers.items() if name.lower() not in OWN_FIELDS}
                    upstream.request(self.command, path, body or None, fields)
                    response = upstream.getresponse()
                    kept = {name: value for name, value in response.headers.items() if name.lower() not in OWN_FIELDS}
                    self.reply(response.status, kept, response.read())
                finally:
                    upstream.close()

            def reply(self, status, fields, content):
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD" and status != 304:
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        for method in METHODS:
            setattr(Handler, "do_" + method, Handler.forward)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}{prefix}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def policy(document):
    """The policy that the service sends with a page, computed independently of it."""
    sources = []
    for element in ("style", "script"):
        if found := re.search(f"<{element}>(.*?)</{element}>".encode(), document, re.S):
            digest = base64.b64encode(hashlib.sha256(found[1]).digest()).decode()
            sources.append(f"{element}-src 'sha256-{digest}'")
    return "; ".join([
        "default-src 'none'", "connect-src 'self'", "img-src 'self'", *sources, "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'none'"])


def main():
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))
    from service import ROOT, Service  # Reads the script's first argument.

    resources = ROOT / "Sources/SoftmaxService/Resources"
    names = {"/": "explorer", "/docs": "docs", "/docs/derivation": "derivation", "/problems/template": "problem"}
    pages = {path: resources / f"{name}.html" for path, name in names.items()}
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8081
    with Service("--access-log", "off") as service, Proxy(service.port, pages=pages, port=port) as proxy:
        print(f"{proxy.url} shows the pages as they are at each load; Ctrl-C ends", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
