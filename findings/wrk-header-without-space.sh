#!/usr/bin/env bash
# wrk 4.1.0 (Debian 12: 4.1.0-3+b2): `-H Name:value` is dropped without a word; only `-H 'Name: value'` is sent.
#
# HTTP (RFC 9112, section 5) allows a field without a space behind the colon, and curl takes both. With wrk a benchmark of
# `-H Connection:close` therefore measures kept connections, several times as fast, and nothing tells.
#
# Seen:   without a space: 0 of the requests have the header; with a space: all of them.
set -euo pipefail
work=$(mktemp -d)
server=''
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
cd "$work"
apt-get download -q wrk=4.1.0-3+b2 libluajit-5.1-2=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1 >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
library=$(dirname "$(find root -name 'libluajit-5.1.so.2' | head -n 1)")

cat > server.py <<'PYTHON'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        with open("seen", "a") as seen:
            seen.write("with\n" if self.headers.get("X-Seen") == "yes" else "without\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 server.py > port & server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done

count() {
  rm -f seen
  LD_LIBRARY_PATH=$library root/usr/bin/wrk -t1 -c1 -d1s -H "$1" "http://127.0.0.1:$(cat port)/" > out 2>&1
  echo "$1 -> with: $(grep -c '^with$' seen || true), without: $(grep -c '^without$' seen || true), wrk's words about it: $(grep -ci header out || true)"
}
first=$(count 'X-Seen:yes')
second=$(count 'X-Seen: yes')
printf '%s\n%s\n' "$first" "$second"
[[ $first == *"with: 0, without: "[1-9]*"wrk's words about it: 0" ]] || { echo "changed: without a space" >&2; exit 1; }
[[ $second == *"with: "[1-9]*", without: 0,"* ]] || { echo "changed: with a space" >&2; exit 1; }
