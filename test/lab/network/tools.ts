import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP server that answers each piece with the same piece after its name, and remembers its sockets. */
export class Echo {
  readonly sockets: Socket[] = [];
  readonly received: string[] = [];
  private readonly server: Server;

  constructor(name: string) {
    this.server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (data) => {
        if (data.length < 1000) this.received.push(data.toString());
        const echo = socket.write(data.length < 1000 ? `${name}:${data}` : data);
        if (!echo) {
          socket.pause();
          socket.once('drain', () => socket.resume());
        }
      });
    });
  }

  async start(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** A client that keeps what it received and how its connection ended. */
export class Client {
  text = '';
  bytes = 0;
  closed: string | undefined;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (data) => {
      this.bytes += data.length;
      if (this.text.length < 1000) this.text += data;
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.closed = error.code;
    });
    this.socket.on('close', () => {
      this.closed ??= 'end';
    });
  }

  async ask(text: string): Promise<string> {
    const before = this.text.length;
    this.socket.write(text);
    await until(() => this.text.length > before || this.closed !== undefined);
    return this.closed ?? this.text.slice(before);
  }
}

export async function until(condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${condition}`);
    await pause(2);
  }
}

/** For showing that something does *not* happen. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
