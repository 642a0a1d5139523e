import { connect, type Socket } from 'node:net';
import { Lane } from './lane.ts';

/** What lies between the two ends of a connection, asked anew for every piece that travels. */
export interface Link {
  open(): boolean;
  delayMs(): number;
}

/**
 * One client's connection to a published name. While its link is closed both ends stay connected and nothing is delivered, neither
 * bytes nor their end. A connection that lost something is reset when the link opens again: a stream never resumes with a hole.
 */
export class Connection {
  private holed = false;
  private server: Socket | undefined;
  private readonly client: Socket;
  private readonly link: Link;

  constructor(client: Socket, link: Link, onClose: () => void) {
    this.client = client;
    this.link = link;
    client.on('error', ignore);
    client.once('close', () => {
      if (this.server === undefined || this.server.destroyed) onClose();
      else this.server.once('close', onClose);
    });
  }

  /** The client's handshake went nowhere: it stays connected, and what it sends is lost. */
  hang(): void {
    this.holed = true;
    this.client.resume();
  }

  /** Reach the process that serves the name. */
  join(port: number): void {
    if (this.client.destroyed) return;
    if (!this.link.open()) {
      this.hang();
      return;
    }
    const server = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    this.server = server;
    server.on('error', ignore);
    this.carry(this.client, server);
    this.carry(server, this.client);
    this.client.resume();
  }

  /** Call when links changed. */
  linkChanged(): void {
    if (this.holed && this.link.open()) this.destroy();
  }

  /** The far end refuses this connection from now on. A client that cannot be reached learns of it when its link opens. */
  reset(): void {
    this.server?.resetAndDestroy();
    if (this.link.open()) this.client.resetAndDestroy();
    else this.hang();
  }

  destroy(): void {
    this.server?.resetAndDestroy();
    this.client.resetAndDestroy();
  }

  private carry(from: Socket, to: Socket): void {
    const lane = new Lane();
    const deliver = (action: () => void): void => {
      lane.push(this.link.delayMs(), () => {
        if (this.holed || !this.link.open()) this.holed = true;
        else action();
      });
    };
    from.on('data', (chunk: Buffer) => {
      deliver(() => {
        if (!to.destroyed && !to.write(chunk)) from.pause();
      });
    });
    to.on('drain', () => from.resume());
    from.on('end', () => deliver(() => to.end()));
    from.on('close', (hadError) => deliver(() => (hadError ? to.resetAndDestroy() : to.end())));
  }
}

/** The 'close' event that follows says the same. */
function ignore(): void {}
