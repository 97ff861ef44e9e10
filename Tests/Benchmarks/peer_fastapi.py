"""FastAPI peer, for uvicorn: takes the body as bytes and answers bytes, which is FastAPI at its leanest."""

from fastapi import FastAPI, Request, Response

from peer_work import WORK

app = FastAPI(openapi_url=None)


def _serve(path, work):
    async def answer(request: Request) -> Response:
        return Response(work(await request.body()), media_type="application/json")

    app.post(path)(answer)


for _path, _work in WORK.items():
    _serve(_path, _work)
