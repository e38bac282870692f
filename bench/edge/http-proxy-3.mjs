import { Agent, createServer } from "node:http";
import { createProxyServer } from "http-proxy-3";

// http-proxy-3 with kept connections, which it does not have by default.
const [target, port] = process.argv.slice(2);
const proxy = createProxyServer({
  target,
  ws: true,
  xfwd: true,
  agent: new Agent({ keepAlive: true, maxSockets: 128 }),
});
proxy.on("error", () => {});
const server = createServer((request, response) => proxy.web(request, response));
server.on("upgrade", (request, socket, head) => proxy.ws(request, socket, head));
server.listen(Number(port), "127.0.0.1");
