"""The loopback server: kept-alive connections, quick answers, a clean stop."""

import socket
import threading

import pytest
import requests
from flask import Flask, Response, request

from bridge.sandbox.server import Server


def echo_app() -> Flask:
    app = Flask("echo")

    @app.route("/echo", methods=["GET", "POST"])
    def echo() -> Response:
        return Response(request.get_data() or b"nothing", mimetype="text/plain")

    @app.route("/empty", methods=["DELETE"])
    def empty() -> tuple[str, int]:
        return "", 204

    @app.route("/peer")
    def peer() -> str:
        return str(request.environ["REMOTE_PORT"])

    return app


def test_answers_on_loopback_and_echoes_a_body() -> None:
    with Server(echo_app()) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert requests.post(f"{server.url}/echo", data=b"x" * 200_000, timeout=5).content == b"x" * 200_000


def test_keeps_a_connection_alive_over_bodies_and_empty_answers() -> None:
    with Server(echo_app()) as server, requests.Session() as session:
        first = session.get(f"{server.url}/peer", timeout=5).text
        assert session.delete(f"{server.url}/empty", timeout=5).status_code == 204
        session.post(f"{server.url}/echo", data=b"abc", timeout=5)
        session.post(f"{server.url}/echo", data=iter([b"in ", b"chunks"]), timeout=5)
        assert session.head(f"{server.url}/echo", timeout=5).headers["Content-Length"] == "7"
        assert session.get(f"{server.url}/peer", timeout=5).text == first


def test_a_taken_port_is_an_error_not_the_end_of_the_program() -> None:
    with Server(echo_app()) as server, pytest.raises(OSError, match="in use"):
        Server(echo_app(), port=server.port)


def test_stop_hangs_up_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    server = Server(echo_app())
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        line.sendall(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        server.stop()
        while rest := line.recv(4096):
            assert rest
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("sandbox")]


def test_stop_without_start_closes_the_port() -> None:
    server = Server(echo_app())
    server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=5)
