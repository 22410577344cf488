import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type LossOptions, PacketLoss } from './packet-loss.ts';
import { type RateStep, TokenBucket } from './token-bucket.ts';

export interface ShapedLink {
  /** Rate of each direction, shared by all connections; steps count from the start of the proxy. */
  bitsPerSecond: number | readonly RateStep[];
  /** One-way delay added to every piece. Default 0. */
  delayMs?: number;
  /** Default: nothing is lost. */
  loss?: LossOptions;
}

export interface ShapedProxy {
  port: number;
  close(): Promise<void>;
}

/** A frame's worth: connections take turns at this grain. */
const PIECE_BYTES = 16_384;
/** Timers are no finer than this; shorter waits are carried over to the next piece. */
const TIMER_GRAIN_MS = 1;

/**
 * A TCP proxy on the loopback device which makes every connection through it share one link of the given rate and delay.
 * Run it in a thread of its own (`startShapedProxyThread`): a busy event loop would be a slower link.
 */
export async function startShapedProxy(
  target: { host: string; port: number },
  link: ShapedLink,
): Promise<ShapedProxy> {
  const startMs = performance.now();
  const direction = (seedOffset: number): Direction => ({
    bucket: new TokenBucket(link.bitsPerSecond),
    startMs,
    delayMs: link.delayMs ?? 0,
    loss: link.loss && new PacketLoss({ ...link.loss, seed: (link.loss.seed ?? 1) + seedOffset }),
  });
  const up = direction(0);
  const down = direction(1);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = connect({ ...target, noDelay: true, allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    const ends = [pipeline(client, shaper(up), upstream), pipeline(upstream, shaper(down), client)];
    for (const end of ends) {
      end.catch(() => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

interface Direction {
  bucket: TokenBucket;
  /** When the steps of its rate began. */
  startMs: number;
  delayMs: number;
  loss: PacketLoss | undefined;
}

function shaper({ bucket, startMs, delayMs, loss }: Direction): Transform {
  let travelling = 0;
  let onArrival: (() => void) | undefined;
  return new Transform({
    highWaterMark: PIECE_BYTES,
    async transform(data: Buffer, _encoding, done) {
      for (let at = 0; at < data.length; at += PIECE_BYTES) {
        const piece = data.subarray(at, at + PIECE_BYTES);
        const passedMs = startMs + bucket.pass(piece.length, performance.now() - startMs);
        const waitMs = passedMs - performance.now() + (loss?.stallMs(piece.length) ?? 0);
        if (waitMs >= TIMER_GRAIN_MS) await delay(waitMs);
        if (delayMs === 0) this.push(piece);
        else {
          travelling += 1;
          setTimeout(() => {
            this.push(piece);
            travelling -= 1;
            if (travelling === 0) onArrival?.();
          }, delayMs);
        }
      }
      done();
    },
    flush(done) {
      if (travelling === 0) done();
      else onArrival = done;
    },
  });
}
