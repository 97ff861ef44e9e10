"""The same requests as streams of one HTTP/2 connection: fields and content of each reply."""

import socket

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions


def ask(port, batch, seconds=60):
    """Sends a batch of cases on one connection, eight at a time; the reply to each as (fields, content, reset)."""
    connection = h2.connection.H2Connection(
        h2.config.H2Configuration(header_encoding=False, validate_outbound_headers=False))
    connection.initiate_connection()
    # Windows that no reply here fills: flow control is tested elsewhere.
    connection.update_settings({4: (1 << 31) - 1})
    connection.increment_flow_control_window((1 << 31) - 1 - 65535)
    replies = [[None, bytearray(), None] for _ in batch]
    numbers, unsent, waiting, open_count, ended = {}, {}, list(enumerate(batch)), 0, None

    with socket.create_connection(("127.0.0.1", port), seconds) as client:
        client.settimeout(seconds)
        while waiting or open_count:
            while waiting and open_count < 8:
                index, case = waiting.pop(0)
                stream = connection.get_next_available_stream_id()
                numbers[stream] = index
                open_count += 1
                connection.send_headers(stream, _head(case, index), end_stream=not case.body)
                if case.body:
                    unsent[stream] = case.body
            for stream in list(unsent):
                _upload(connection, unsent, stream)
            client.sendall(connection.data_to_send())
            data = client.recv(1 << 16)
            if not data:
                ended = "closed"
                break
            for event in connection.receive_data(data):
                reply = replies[numbers[event.stream_id]] if getattr(event, "stream_id", 0) in numbers else None
                if isinstance(event, h2.events.ResponseReceived):
                    reply[0] = sorted(_masked(name, value) for name, value in event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    reply[1] += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    open_count -= 1
                elif isinstance(event, h2.events.StreamReset):
                    # An error code after a whole reply says only that the rest of the request is not wanted.
                    unsent.pop(event.stream_id, None)
                    if event.error_code != h2.errors.ErrorCodes.NO_ERROR:
                        reply[2] = int(event.error_code)
                        open_count -= 1
                elif isinstance(event, h2.events.ConnectionTerminated):
                    ended = int(event.error_code)
    return [(fields, bytes(content), reset, ended) for fields, content, reset in replies]


def _upload(connection, unsent, stream):
    try:
        room = min(connection.local_flow_control_window(stream), connection.max_outbound_frame_size)
        while unsent[stream] and room > 0:
            piece, unsent[stream] = unsent[stream][:room], unsent[stream][room:]
            connection.send_data(stream, piece, end_stream=not unsent[stream])
            room = min(connection.local_flow_control_window(stream), connection.max_outbound_frame_size)
    except (h2.exceptions.StreamClosedError, h2.exceptions.ProtocolError):
        unsent.pop(stream, None)
        return
    if not unsent[stream]:
        unsent.pop(stream)


def _head(case, index):
    return [(":method", case.method), (":scheme", "http"), (":authority", "a"), (":path", case.path),
            *case.lines(index)]


def _masked(name, value):
    made = len(value) == 16 and all(byte in b"0123456789abcdef" for byte in value)
    return name, b"now" if name == b"date" else b"made" if name == b"x-request-id" and made else value
