/**
 * What `wrk` cannot load with: `events <url> <streams>` reads streams, `socket <url> <sockets>` sends
 * a message on each socket as soon as the one before has come back. After a second to warm up, each
 * line on stdin is answered with how many events or messages have come since the last.
 */
const [kind, url = "", count = "1"] = process.argv.slice(2);
let came = 0;
const open = kind === "events" ? openStream : openSocket;
for (let opened = 0; opened < Number(count); opened++) open(url);
await Bun.sleep(1000);
console.log("ready");
for await (const _ of console) {
  console.log(String(came));
  came = 0;
}

function openStream(address: string): void {
  const { hostname, port } = new URL(address);
  const request = `GET /events HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`;
  Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write(request),
      data(_, bytes) {
        for (let at = bytes.indexOf("data:"); at >= 0; at = bytes.indexOf("data:", at + 5)) came++;
      },
    },
  }).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}

function openSocket(address: string): void {
  const message = "x".repeat(120);
  const socket = new WebSocket(`${address.replace("http", "ws")}/socket`);
  socket.onopen = () => socket.send(message);
  socket.onmessage = () => {
    came++;
    socket.send(message);
  };
  socket.onerror = () => {
    console.error("a socket failed");
    process.exit(1);
  };
}
