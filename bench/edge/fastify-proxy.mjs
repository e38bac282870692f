import proxy from "@fastify/http-proxy";
import fastify from "fastify";

// @fastify/http-proxy as its README has it, with as many connections as the load needs.
const [upstream, port] = process.argv.slice(2);
const server = fastify();
server.register(proxy, {
  upstream,
  websocket: true,
  undici: { connections: 128, pipelining: 1 },
  proxyPayloads: true,
});
await server.listen({ host: "127.0.0.1", port: Number(port) });
