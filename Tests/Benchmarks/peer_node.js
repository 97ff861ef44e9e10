// The same work in JavaScript, for Node.js without a framework: plain loops between JSON.parse and JSON.stringify,
// Node's own way to read and print numbers. usage: node peer_node.js PORT
"use strict";

const http = require("node:http");

function softmax(y) {
  let top = -Infinity;
  for (const z of y) if (z > top) top = z;
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += y[i] = Math.exp(y[i] - top);
  for (let i = 0; i < y.length; i++) y[i] /= sum;
  return y;
}

function jacobian(y) {
  return y.map((p, i) => {
    const line = y.map((q) => -p * q);
    line[i] = p * (1 - p);
    return line;
  });
}

function vjp(y, g) {
  if (g.length !== y.length) throw new RangeError("cotangents have another shape than logits");
  let dot = 0;
  for (let i = 0; i < y.length; i++) dot += y[i] * g[i];
  for (let i = 0; i < y.length; i++) g[i] = y[i] * (g[i] - dot);
  return g;
}

// One row is a flat array.
function each({ logits, cotangents }, work) {
  if (!Array.isArray(logits[0])) return work(softmax(logits), cotangents);
  return logits.map((row, i) => work(softmax(row), cotangents?.[i]));
}

const WORK = {
  "/softmax": (given) => ({ probabilities: each(given, (y) => y) }),
  "/jacobian": (given) => ({ jacobian: each(given, jacobian) }),
  "/vjp": (given) => ({ vjp: each(given, vjp) }),
};

function answer(path, body) {
  if (!(path in WORK)) return [404, ""];
  try {
    return [200, JSON.stringify(WORK[path](JSON.parse(body)))];
  } catch (error) {
    return [400, JSON.stringify({ error: String(error) })];
  }
}

http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const [status, content] = answer(request.url, Buffer.concat(pieces).toString());
    response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(content) });
    response.end(content);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
