// Node's HTTP/2 client, 50 streams at a time on one connection. usage: node.js URL SECONDS BODY
"use strict";
const http2 = require("node:http2");
const [url, seconds, body] = process.argv.slice(2);

const counts = { answered: 0, lost: 0 };
const end = Date.now() + 1000 * Number(seconds);
const session = http2.connect(url);
session.on("error", () => {});

function request(index, done) {
  const isPost = index % 2 === 0;
  const fields = isPost
    ? { ":method": "POST", ":path": "/softmax", "content-type": "application/json" }
    : { ":path": "/livez" };
  let status = 0;
  let isWhole = false;
  let stream;
  try {
    stream = session.request(fields);
  } catch {
    done(false);
    return;
  }
  stream.on("response", (reply) => (status = reply[":status"]));
  stream.on("data", () => {});
  stream.on("end", () => (isWhole = true));
  stream.on("error", () => {});
  stream.on("close", () => done(status === 200 && isWhole));
  stream.end(isPost ? body : undefined);
}

let running = 0;
function worker(index) {
  if (Date.now() >= end || counts.lost > 0) {
    running -= 1;
    if (running === 0) {
      console.log(JSON.stringify(counts));
      session.close();
    }
    return;
  }
  request(index, (isAnswered) => {
    counts[isAnswered ? "answered" : "lost"] += 1;
    worker(index + 1);
  });
}
session.on("connect", () => {
  for (running = 0; running < 50; running += 1) worker(running);
});
