# SPDX-License-Identifier: GPL-3.0-or-later
"""grpc_peer.py serve PORT | call AUTHORITY CA: a gRPC server, and a client that makes every kind of call, on bytes."""
import sys
from concurrent import futures

import grpc

SERVICE = "test.Echo"


def one(request, context):
    if request == b"fail":
        context.set_trailing_metadata((("x-why", "asked for"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "asked to fail")
    context.set_trailing_metadata((("x-size", str(len(request))),))
    return request


def many(request, context):
    for i in range(100):
        yield request + str(i).encode()


def gather(requests, context):
    return str(sum(len(r) for r in requests)).encode()


def both(requests, context):
    for request in requests:
        yield request


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 1 << 26)])
    handlers = {"One": grpc.unary_unary_rpc_method_handler(one), "Many": grpc.unary_stream_rpc_method_handler(many),
                "Gather": grpc.stream_unary_rpc_method_handler(gather), "Both": grpc.stream_stream_rpc_method_handler(both)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print("serving", flush=True)
    server.wait_for_termination()


def check(name, good):
    print(f"{name}: {'good' if good else 'BAD'}", flush=True)


def call(authority, ca):
    with open(ca, "rb") as f:
        channel = grpc.secure_channel(authority, grpc.ssl_channel_credentials(f.read()), options=[("grpc.max_receive_message_length", 1 << 26)])
    path = f"/{SERVICE}/"
    answer, rest = channel.unary_unary(path + "One").with_call(b"hello", timeout=20)
    check("one", answer == b"hello" and dict(rest.trailing_metadata()).get("x-size") == "5")
    big = bytes(range(256)) * 40000
    check("big", channel.unary_unary(path + "One")(big, timeout=30) == big)
    try:
        channel.unary_unary(path + "One")(b"fail", timeout=20)
        check("failure", False)
    except grpc.RpcError as error:
        check("failure", error.code() == grpc.StatusCode.FAILED_PRECONDITION and error.details() == "asked to fail"
              and dict(error.trailing_metadata()).get("x-why") == "asked for")
    try:
        channel.unary_unary(path + "None")(b"", timeout=20)
        check("unimplemented", False)
    except grpc.RpcError as error:
        check("unimplemented", error.code() == grpc.StatusCode.UNIMPLEMENTED)
    check("many", list(channel.unary_stream(path + "Many")(b"m", timeout=20)) == [b"m%d" % i for i in range(100)])
    check("gather", channel.stream_unary(path + "Gather")(iter([b"x" * 1000] * 500), timeout=20) == b"500000")
    sent = []

    def ping_pong():
        """Each request waits for the answer to the one before."""
        for i in range(50):
            sent.append(b"%d" % i)
            yield sent[-1]
            while len(got) <= i:
                arrived.get(timeout=20)
    import queue
    arrived, got = queue.Queue(), []
    for answer in channel.stream_stream(path + "Both")(ping_pong(), timeout=30):
        got.append(answer)
        arrived.put(None)
    check("both", got == sent and len(got) == 50)


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
